"""Figures and tables of the image branch; ``draw`` returns a Figure or a frame."""
