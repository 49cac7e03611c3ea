"""Settings that meet every hard constraint; and where there are none, why, and the cheapest way out."""
