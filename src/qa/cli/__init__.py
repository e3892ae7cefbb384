"""The command ``qa``: parse, call one function, print. Answers go to stdout, the rest to stderr."""
