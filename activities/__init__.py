"""Temporal activities: load, call one engine, store, return."""
