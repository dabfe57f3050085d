"""Explains an image, and holds the result."""
