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

    quantizer = x86.X86InductorQuantizer()
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


def version() -> str:
    """The version of the quantiser. Raises ImportError with the line that installs it."""
    try:
        return metadata.version("torchao")
    except metadata.PackageNotFoundError:
        message = "torchao, which quantises for inductor, is not installed: pip install 'vbench[engines]'"
        raise ImportError(message) from None
