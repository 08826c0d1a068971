"""Classification: the lecture's contrasts at a size that is trained here, `small/*` of the catalogue.

"Similar" is within two points of top-1: MobileNet's authors call a loss of 1.1 points for a ninth of the work a good bargain,
and with some thousand pictures to test on, and few seeds, less than two cannot be told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ... import clutter, datasets
from ..base import Study
from ..parts import Arm, Budget, Contrast, Measure, Recipe, Side

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..parts import Expected
    from ..training import Data

TOP1 = Measure(name="top1", title="top-1", unit="%", better="higher")
SIMILAR = 2.0  # points
PERCENT = 100.0


def _contrast(  # noqa: PLR0913, PLR0917 - a row of the table below has as many columns
    name: str, of: str, to: str, expected: Expected, question: str, sentence: str, source: str, equal: tuple[str, ...] = ()
) -> Contrast:
    return Contrast(
        id=name,
        of=Side(f"small/{of}", TOP1.name),
        to=Side(f"small/{to}", TOP1.name),
        expected=expected,
        margin=SIMILAR if expected == "similar" else 0.0,
        question=question,
        sentence=sentence,
        source=source,
        equal=equal,
    )


BOTH = ("params", "macs")
CONTRASTS = (
    _contrast(
        "convolution", "plain-8", "fully-connected", "higher", "Does convolution help at equal work?",
        "In principle a fully-connected network is sufficient, but hard to train; convolution and pooling act as a strong prior.",
        "lecture, universal approximation", ("macs",),
    ),
    _contrast(
        "pooled-head", "plain-8", "plain-8-flatten", "higher", "Does averaging the last map help?",
        "No fully-connected layers: use global average pooling instead.",
        "lecture, SqueezeNet; Lin et al. 2013", ("macs",),
    ),
    _contrast(
        "normalisation", "plain-8", "plain-8-no-norm", "higher", "Does batch norm help?",
        "Inception v2: use of batch normalization.", "lecture, history of Inception; Ioffe and Szegedy 2015", BOTH,
    ),
    _contrast(
        "shortcut", "residual-26", "plain-26", "higher", "Do shortcuts help a deep network?",
        "A deep plain network is harder to train than the same with shortcuts, which cost no weight.",
        "lecture, ResNet; He et al. 2015, Table 2", BOTH,
    ),
    _contrast(
        "shortcut-shallow", "residual-8", "plain-8", "similar", "Do shortcuts matter in a shallow network?",
        "At 18 layers the plain and the residual network are comparably accurate.", "He et al. 2015, section 4.1", BOTH,
    ),
    _contrast(
        "gate", "se-8", "residual-8", "higher", "Do gates on channels help?",
        "Weighing each channel by what all channels show helps, at hardly any work.", "Hu et al. 2017, Table 2", BOTH,
    ),
    _contrast(
        "inception", "inception-bottleneck", "inception-naive", "similar", "What do Inception's reductions lose?",
        "1x1 bottleneck layers save computations, and the filters behind them see as much.",
        "lecture, GoogLeNet; Szegedy et al. 2014, Figure 2",
    ),
    _contrast(
        "separable", "separable-8", "plain-8", "similar", "What do depthwise separable convolutions lose?",
        "8 to 9 times less work than a conventional convolution, at a small reduction in accuracy.",
        "lecture, MobileNet; Howard et al. 2017, Table 4",
    ),
    _contrast(
        "separable-wide", "separable-8-wide", "plain-8", "higher", "Do separable convolutions help at equal work?",
        "Many simple operations work better than a monolithic one.", "lecture, universal approximation", BOTH,
    ),
    _contrast(
        "stacked", "plain-8", "single-5x5", "higher", "Are two 3x3 better than a 5x5?",
        "Many simple operations work better than a monolithic one: 3x3 instead of 5x5.",
        "lecture, universal approximation; Simonyan and Zisserman 2014", ("params",),
    ),
    _contrast(
        "separated", "separated-7x7", "full-7x7", "lower", "What do 1x7 and 7x1 lose against 7x7?",
        "Drawback of separation: it models simpler functions, no diagonal entries.", "lecture, separable convolutions",
    ),
    _contrast(
        "grouped", "grouped-1x1", "dense-1x1", "higher", "Do groups with more channels help at equal work?",
        "Grouped convolution: a larger number of channels for the same number of operations, and improved performance.",
        "lecture, ResNeXt; Zhang et al. 2017, Table 2", ("macs",),
    ),
    _contrast(
        "shuffle", "grouped-1x1", "grouped-1x1-no-shuffle", "higher", "Must the groups talk?",
        "Channel shuffle lets information pass between groups, at no weight and no MAC.", "Zhang et al. 2017, Table 3", BOTH,
    ),
    _contrast(
        "cardinality", "cardinality", "bottleneck", "higher", "Does cardinality help at equal work?",
        "Increasing cardinality is more effective than going deeper or wider.",
        "lecture, ResNeXt; Xie et al. 2016, Table 4", BOTH,
    ),
    _contrast(
        "dilation", "dilated", "undilated", "higher", "Does a wider field help at equal work?",
        "A deep network increases the receptive field, and such large context helps; holes widen it for nothing.",
        "lecture, universal approximation and dilated convolution", BOTH,
    ),
    _contrast(
        "late", "fire-late", "fire-early", "higher", "Does downsampling late help?",
        "Downsample late: known to yield higher accuracy.", "lecture, SqueezeNet, strategy 3", ("params",),
    ),
    _contrast(
        "fire", "fire-late", "plain-8", "similar", "What do Fire modules lose?",
        "Squeezing the channels before every 3x3 gives a very small model of the same accuracy.",
        "lecture, SqueezeNet, strategies 1 and 2",
    ),
)  # fmt: skip
# At the rate of the others it stays at chance. Of 0.02, 0.03 and 0.1 this is its best, on a seed that no budget counts.
_OWN_RATE = {"small/fully-connected": 0.02}
ARMS = tuple(dict.fromkeys(side.arm for contrast in CONTRASTS for side in (contrast.to, contrast.of)))


class Classification(Study):
    """See the module."""

    name = "classification"
    title = "the lecture's contrasts, trained small"
    own = "digits of scikit-learn at random places among parts of others, 32 x 32 pixels in colour"
    measures: ClassVar[tuple[Measure, ...]] = (TOP1,)
    arms: ClassVar[tuple[Arm, ...]] = tuple(Arm(name=name, architecture=name, rate=_OWN_RATE.get(name, 0.0)) for name in ARMS)
    contrasts: ClassVar[tuple[Contrast, ...]] = CONTRASTS
    recipe = Recipe(optimizer="sgd", rate=0.1, momentum=0.9, decay=5e-4, clip=1.0)
    sources = ("cifar10", "folder")
    budgets: ClassVar[dict[str, Budget]] = {
        "tiny": Budget(name="tiny", seeds=2, images=512, tests=500, epochs=1, batch=32),
        "default": Budget(name="default", seeds=3, images=12000, tests=2000, epochs=4, batch=32),
        "larger": Budget(name="larger", seeds=5, images=48000, tests=4000, epochs=6, batch=32),
    }

    def check(self, source: str) -> None:
        """Refuse data that is not there before anything is trained."""
        super().check(source)
        if not source:
            clutter.pictures(0, "test", 1, f"study {self.name}")
            return
        datasets.halves(source, f"--data {source}")

    def data(self, seed: int, budget: Budget, source: str) -> Data:
        """Draw or read the pictures of a seed."""
        from . import _pictures  # noqa: PLC0415 - torch is for those who train

        return _pictures.load(seed, budget, source)

    def ready(self, inputs: Tensor) -> Tensor:
        """Bytes as the numbers that networks read."""
        from . import _pictures  # noqa: PLC0415 - as above

        return _pictures.ready(inputs)

    def network(self, arm: Arm, data: Data) -> nn.Module:
        """The catalogue's, with as many classes as there are, its weights drawn as He et al. 2015 do for ReLU.

        PyTorch's own are drawn smaller, so that without normalisation hardly anything arrives behind eight layers.
        """
        from torch import nn  # noqa: PLC0415 - as above

        from ...registry import ARCHITECTURES  # noqa: PLC0415 - as above

        classes = 1 + max(int(split.targets.max()) for split in (data.train, data.tests["test"]))
        net: nn.Module = ARCHITECTURES.get(arm.architecture).build(classes=classes)
        for module in net.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        return net

    def loss(self, arm: Arm, output: Any, target: Tensor) -> Tensor:
        """Cross-entropy."""
        from torch.nn import functional  # noqa: PLC0415 - as above

        del arm
        return functional.cross_entropy(output, target)

    def evaluate(self, arm: Arm, net: nn.Module, data: Data) -> dict[str, float]:
        """Top-1 on the pictures to test on, in percent."""
        del arm
        tests = data.tests["test"]
        right = sum(int((net(self.ready(part.inputs)).argmax(1) == part.targets).sum()) for part in tests.batches())
        return {TOP1.name: PERCENT * right / len(tests.targets)}


STUDY = Classification()
