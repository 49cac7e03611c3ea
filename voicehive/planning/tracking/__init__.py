"""How a goal stands: its points folded one by one, its pace, its forecast, its status, and when to plan anew."""
