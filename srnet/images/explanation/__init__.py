"""One image explained, and the result."""
