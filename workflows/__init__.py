"""Temporal workflows: the story of a decision and of an execution, and nothing that an engine could compute."""
