"""Two sets of results, case by case: ratios with intervals where both were timed on one machine, and counts exactly.

Pure readers of result files, without torch. It informs and never gates: two runs of different hours are no pairs.
"""
