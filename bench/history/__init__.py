"""How numbers went from run to run on machines that stay the same: where a level changed, and what would confirm it.

Pure readers of result files, without torch. What is found informs and never gates: a number of another day is no base.
"""
