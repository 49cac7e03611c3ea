"""A front as a page to explore and as an image."""
