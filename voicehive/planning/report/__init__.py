"""Reports of plans: Markdown with pictures, one HTML page that needs nothing else, and JSON."""
