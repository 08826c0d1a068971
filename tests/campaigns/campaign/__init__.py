"""What the campaigns share: a log that can be continued, the state of the machine, our runs and the tools beside them.

A campaign repeats a whole measurement for hours and counts how often what vbench claims is true. The scripts stand one
folder up and are called by path: `python tests/campaigns/coverage.py --repetitions 60`.
"""
