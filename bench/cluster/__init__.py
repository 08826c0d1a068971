"""Many machines at once: a run whose workers are forked on the nodes of a Ray cluster, and whose results are written down here.

`pool` says what a cluster is to the rest, and `rays` is the only module that knows Ray. `desk` runs on the nodes and calls what a
run on one machine calls. `places` decides who may measure what, `shares` who does, `sweep` carries one result file through, and
`conduct` the whole run: one ordinary result file for each kind of machine.
"""
