"""Evolutionary search over the unit cube: asked for points, told what they come to, for any number of objectives."""
