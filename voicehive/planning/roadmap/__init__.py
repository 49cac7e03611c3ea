"""Roadmaps: which initiatives to take on and when, under budgets and capacities, explained.

`plan_roadmap` in `planner` is the way in.
"""
