"""Image input: reading, generated images, preprocessing, superpixels and their fills."""
