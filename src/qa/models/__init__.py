"""The local models: their weights, and the process that runs them."""
