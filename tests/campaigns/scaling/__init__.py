"""A team's years of results, and how long it takes to look at them: what `scale.py` is made of."""
