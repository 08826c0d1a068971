"""Accuracies by where they were published: each source, protocol and recipe is worded once, so no label names two recipes."""

from __future__ import annotations

from vbench import Accuracy

ONE_CROP = "1 model, 1 crop, 224 px"
TEN_CROPS = "1 model, 10 crops"
CIFAR_10 = "1 model, 1 view, 32 px, CIFAR-10"
MULTI_SCALE = "1 model, dense, multi-scale"


def torchvision_v1(top1: float, top5: float) -> Accuracy:
    """State the accuracy of torchvision's first weights, trained by its references' recipe for that network until 2021."""
    return Accuracy(
        source="torchvision weights IMAGENET1K_V1, ImageNet-1k val",
        protocol=ONE_CROP,
        recipe="torchvision V1",
        top1=top1,
        top5=top5,
    )


def torchvision_v2(top1: float, top5: float) -> Accuracy:
    """State the accuracy of torchvision's second weights: the same networks after six times the epochs and more tricks."""
    return Accuracy(
        source="torchvision weights IMAGENET1K_V2, ImageNet-1k val",
        protocol=f"{ONE_CROP}, resize 232",
        recipe="torchvision V2",
        top1=top1,
        top5=top5,
    )


def fb_resnet_torch(top1: float, top5: float, protocol: str = ONE_CROP) -> Accuracy:
    """State the accuracy of the residual networks that Facebook trained again in Torch, with scale and aspect augmentation."""
    return Accuracy(
        source="fb.resnet.torch, pretrained models, ImageNet-1k val",
        protocol=protocol,
        recipe="fb.resnet.torch",
        top1=top1,
        top5=top5,
    )


def pytorchcv(top1: float, top5: float) -> Accuracy:
    """State the accuracy of the weights that pytorchcv took over from Gluon, where nobody else published a single crop."""
    return Accuracy(
        source="pytorchcv README, ImageNet-1k val", protocol=ONE_CROP, recipe="Gluon, converted", top1=top1, top5=top5
    )


def paper(
    source: str, protocol: str = ONE_CROP, *, recipe: str = "paper", top1: float | None = None, top5: float | None = None
) -> Accuracy:
    """State what the table of a paper prints, as accuracy where it prints errors."""
    return Accuracy(source=source, protocol=protocol, recipe=recipe, top1=top1, top5=top5)


def ported(origin: str, top1: float, top5: float, protocol: str = ONE_CROP) -> Accuracy:
    """State the accuracy of torchvision's first weights where those were trained elsewhere, each by a recipe of its own."""
    return Accuracy(
        source="torchvision weights IMAGENET1K_V1, ImageNet-1k val",
        protocol=protocol,
        recipe=f"torchvision V1, from {origin}",
        top1=top1,
        top5=top5,
    )


def overlap(source: str, protocol: str, value: float, recipe: str = "paper") -> Accuracy:
    """State the overlap with the right answer, intersection over union averaged over the labels, of one network at one scale.

    The data set is part of the protocol: overlaps with different labels do not compare.
    """
    return Accuracy(source=source, protocol=f"1 model, 1 scale, {protocol}", recipe=recipe, value=value, metric="mIoU")


def timm(tag: str, top1: float, top5: float, protocol: str = ONE_CROP) -> Accuracy:
    """State the accuracy that timm measured with the weights of that tag."""
    return Accuracy(
        source="timm results/results-imagenet.csv, ImageNet-1k val", protocol=protocol, recipe=f"timm {tag}", top1=top1, top5=top5
    )


def tf_slim(checkpoint: str, px: int, top1: float, top5: float) -> Accuracy:
    """State the accuracy of a checkpoint of TF-Slim, which takes the middle of a picture and does not keep its aspect ratio."""
    return Accuracy(
        source=f"TF-Slim checkpoint {checkpoint}",
        protocol=f"1 model, central 87.5 % squashed to {px} px",
        recipe="TF-Slim",
        top1=top1,
        top5=top5,
    )


def released(source: str, top1: float, top5: float | None = None) -> Accuracy:
    """State the accuracy of weights that a paper's authors published later, beside their code."""
    return Accuracy(source=f"{source}, ImageNet-1k val", protocol=ONE_CROP, recipe="authors' release", top1=top1, top5=top5)
