"""One module per table; its ``draw`` takes tidy tables."""
