"""One module per figure; its ``draw`` takes tidy tables."""
