"""Simulates scenarios: what becomes of goals, by how much each uncertainty matters, and what makes them fail."""
