"""Reads articles."""
