"""Images in: reading, made images, preprocessing, superpixels and what hides them."""
