"""A digest of a front that an adviser may see, and what becomes of the advice."""
