"""Answers questions about an article, each answer tied to the words that support it."""
