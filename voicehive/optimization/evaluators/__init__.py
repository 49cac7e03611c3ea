"""Whatever computes outcomes from settings: a description of each, and the arithmetic apart from it."""
