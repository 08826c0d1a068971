"""Studies: small networks trained here, on data that needs no download, so that accuracy is measured and not quoted.

A study trains its arms with one recipe, on the same data in the same order, once for each seed, and says of each of its
contrasts what the seeds can tell: the paired difference with its interval, or that it is undecided. Each training is a line of
the study's log before it counts, so that a study that was killed goes on.

How a study plugs in: a module of `study.studies` that is named as the study, with `STUDY`, an instance of a subclass of
`study.base.Study`. It is found by looking; there is no list to extend, and a module there that begins with an underscore is a
study's own helper. It declares its measures, arms, contrasts, budgets and recipe, and answers `data`, `network`, `loss` and
`evaluate`. The training loop, the processes, the log, resuming, the statistics, the table, the page, the charts and the command
line are here and the same for all. A contrast compares a measure of one arm with a measure of the same or of another, so that
"left against right" is as good a contrast as "this network against that". A study is imported without torch, to be listed and
to be read from its log: what needs torch is imported within those four methods.
"""
