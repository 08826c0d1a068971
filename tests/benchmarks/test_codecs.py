"""How long the file of a VGG-16 takes to write and to read, at the published densities; `--benchmark-enable` times it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from vbench import data
from vbench.compress import _container as container
from vbench.compress import _encoding as encoding
from vbench.compress._container import Coding
from vbench.compress._layers import layers
from vbench.compress._published import TABLES
from vbench.compress.deep_compression import DeepCompression
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

# What the lines of the paper's tables are for: VGG-16 becomes 49 times smaller there, AlexNet 35 times. Seeded weights have other
# statistics: their distances are those of chance, and their values those of a normal distribution.
LEAST = {"vgg/16": 35.0, "alexnet/two-group": 25.0}


class Work:
    """Keeps how each tensor is to be written."""

    def __init__(self) -> None:
        self.codings: dict[str, Coding] = {}

    def written(self, tensor: str, kind: Any, *, bits: int = 0, index_bits: int = 8) -> None:
        self.codings[tensor] = Coding(kind=kind, bits=bits, index_bits=index_bits)

    def note(self, key: str, text: str) -> None:
        print(f"{key}: {text}")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "table"), [("vgg/16", "vgg-16"), ("alexnet/two-group", "alexnet")])
def test_deep_compression_at_the_published_densities(benchmark: BenchmarkFixture, name: str, table: str) -> None:
    load_all()
    module, _ = data.build(ARCHITECTURES.get(name).build, seed=0)
    dense, work = encoding.dense_bytes(module), Work()
    start = time.perf_counter()
    DeepCompression().apply(module, work, density=table, conv=8, fc=5)  # type: ignore[arg-type]  # what it uses of one
    compressed_s = time.perf_counter() - start
    tensors = encoding.arrays(module)
    seconds: list[tuple[float, float]] = []
    sizes: list[dict[str, int]] = []

    def there_and_back() -> int:
        begin = time.perf_counter()
        written = container.encode(tensors, work.codings)
        half = time.perf_counter()
        read = container.decode(written)
        done = time.perf_counter()
        sizes.append(container.sizes(written))
        seconds.append((half - begin, done - half))
        encoding.verify(tensors, read)
        return len(written)

    size = benchmark.pedantic(there_and_back, rounds=1)
    encode_s, decode_s = min(seconds)
    benchmark.extra_info |= {
        "prune_and_share_s": compressed_s, "encode_s": encode_s, "decode_s": decode_s, "bytes": size, "ratio": dense / size,
    }  # fmt: skip
    print(
        f"{name}: {dense:,} bytes to {size:,}, {dense / size:.1f} times smaller; pruned and shared in {compressed_s:.1f} s, "
        f"written in {encode_s:.1f} s, read in {decode_s:.1f} s"
    )
    for layer, line in zip(layers(module), TABLES[table].layers, strict=True):
        share = 100 * sizes[-1][layer.name] / layer.values.nbytes
        benchmark.extra_info[f"{line.name}_percent"] = share
        print(f"{line.name}: {share:.2f} % of its fp32 weights; published {line.coded:g} %")
    assert dense / size >= LEAST[name]
