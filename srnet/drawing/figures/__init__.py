"""Figures, one module each; ``draw`` takes tidy frames and returns a Figure."""
