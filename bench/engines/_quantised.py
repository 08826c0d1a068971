"""A network whose convolutions, linear layers and what lies between them compute on 8 bits, as torchao's quantiser for x86 does.

Post-training and static: the network runs on pictures with observers in it, activations get one scale per tensor and weights one
per channel, and the compiler puts oneDNN's int8 kernels in their place.
"""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any

import torch

from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

METHOD = "static PT2E, X86InductorQuantizer: activations uint8 per tensor (histogram), weights int8 per channel"


def quantised(exported: Any, pictures: Sequence[torch.Tensor], full_precision: Sequence[str]) -> Any:
    """The exported network with its operators quantised; those of the modules in `full_precision` are left as they are."""
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e  # noqa: PLC0415 - seconds, and only for int8
    from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86  # noqa: PLC0415 - as above

    class Quantizer(x86.X86InductorQuantizer):  # type: ignore[misc]  # torchao has no types
        """Leaves pooling alone whose last window hangs over: PyTorch 2.13 compiles it on integers to a smaller result."""

        def annotate(self, model: Any) -> Any:
            pools = (node for node in model.graph.nodes if node.target is torch.ops.aten.max_pool2d.default)
            x86._annotate_nodes_not_quantize([node for node in pools if _hangs_over(node)])  # noqa: SLF001 - it has no other name
            return super().annotate(model)

    quantizer = Quantizer()
    quantizer.set_global(x86.get_default_x86_inductor_quantization_config())
    for path in full_precision:
        quantizer.set_module_name_qconfig(path, None)
    with torch.no_grad():
        observed = prepare_pt2e(exported.module(), quantizer)
        for batch in pictures:
            observed(batch)
        found = convert_pt2e(observed)
        if not any("quantize" in str(node.target) for node in found.graph.nodes):
            message = (
                "int8: the network has nothing that the quantiser for x86 takes (convolutions, linear layers): leave out int8"
            )
            raise UsageError(message)
        return torch.export.export(found, (pictures[0],), strict=False)


def _hangs_over(pool: Any) -> bool:
    """Whether it pools in `ceil_mode`, the sixth of its arguments."""
    return bool(pool.args[5] if len(pool.args) > 5 else pool.kwargs.get("ceil_mode", False))  # noqa: PLR2004 - as PyTorch counts


def version() -> str:
    """The version of the quantiser. Raises ImportError with the line that installs it."""
    try:
        return metadata.version("torchao")
    except metadata.PackageNotFoundError:
        message = "torchao, which quantises for inductor, is not installed: pip install 'vbench[engines]'"
        raise ImportError(message) from None
