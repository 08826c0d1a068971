"""`finetune:3`: training behind what made a network smaller, which is done once and kept as a file of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..compression import FINETUNE, Option
from ..registry import compressor
from ._unstructured import Unstructured

if TYPE_CHECKING:
    from torch import nn

    from ..interfaces import Work


@compressor(FINETUNE)
class Finetune(Unstructured):
    """Names the training in a case's compression; `vbench.tuning` does it, with these options as its recipe.

    Stochastic gradient descent with Nesterov's momentum on the cross-entropy; the rate rises in a line over a tenth of the steps
    and falls as a cosine to nothing (Loshchilov and Hutter 2017), and gradients are scaled down to a norm of `clip`. The rate is
    a tenth of what such networks are trained with, as is usual where they are nearly right already.
    """

    description = "train what is left on labelled pictures; `vbench evaluate --finetune` does it and writes a file for --weights"
    needs = "labels"
    options = (
        Option("epochs", "passes over the pictures to train on", "number", low=0.001, high=10000.0),
        Option("rate", "the highest learning rate", "number", 0.01, low=1e-9, high=10.0),
        Option("batch", "pictures in a step", "whole", 32, low=2, high=65536),
        Option("decay", "weight decay of what multiplies", "number", 5e-4, low=0.0, high=1.0),
        Option("momentum", "of the gradient", "number", 0.9, low=0.0, high=0.9999),
        Option("clip", "the largest norm of a gradient", "number", 1.0, low=1e-9, high=1e9),
        Option("mirror", "show half of the pictures mirrored", "flag"),
        Option("seed", "of the order of the pictures", "whole", 0, low=0, high=999_999),
    )

    def apply(self, module: nn.Module, work: Work, **options: Any) -> nn.Module:
        """Raise ValueError: where this is reached, no file holds the trained network."""
        del module, work, options
        message = "training is done by `vbench evaluate --finetune`, which writes a file: give that with --weights"
        raise ValueError(message)
