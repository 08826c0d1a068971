"""Training behind compression: `vbench evaluate --finetune` and `vbench study pruning` both train by what stands here.

A compression that ends in `finetune:3` is a list of stages (`compress._stages`): what a compressor does, then training, or both
by turns. A `Tuner` goes through them one optimisation step at a time, and its state can be put on disk and taken up again at any
step, with the same weights in the end to the last bit. What a compressor decided stays: weights that are zero stay zero, those
that share a value go on sharing one, and signs stay what they are (`held`).
"""
