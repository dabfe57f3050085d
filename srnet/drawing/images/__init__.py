"""The figures and tables of the image branch; ``draw`` takes tidy tables."""
