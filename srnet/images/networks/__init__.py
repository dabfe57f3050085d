"""Image classifiers: architectures, their files, and their training."""
