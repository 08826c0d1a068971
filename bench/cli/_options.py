"""Options that several verbs have: written once, so that they are the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Many = list[str] | None

Suite = Annotated[str, typer.Option(metavar="NAME", help="A suite of bench.toml.")]
Exclude = Annotated[Many, typer.Option(metavar="NAMES", help="Names or globs to leave out.")]
Device = Annotated[Many, typer.Option(metavar="DEVICES", help="cpu, cuda, cuda:1, mps, xpu, fake, or all.")]
Engine = Annotated[Many, typer.Option(metavar="ENGINES", help="eager, fake, a plugin's, or all; with options: NAME[key=value].")]
Precision = Annotated[Many, typer.Option(metavar="PRECISIONS", help="fp32, tf32, bf16, fp16, int8, or all.")]
Batch = Annotated[Many, typer.Option(metavar="SIZES", help="Batch sizes.")]
Threads = Annotated[Many, typer.Option(metavar="COUNTS", help="Threads; left out, as many as this process may use.")]
Input = Annotated[str | None, typer.Option("--input", metavar="CxHxW", help="Shape of one input, for example 3x224x224.")]
Weights = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Weights to load: safetensors, or a state dict that torch.save wrote.")
]
Plugin = Annotated[Many, typer.Option(metavar="PATHS", help="A file or folder that registers more.")]
Newest = Annotated[int | None, typer.Option("--newest", metavar="N", help="Only the last N runs, by their start.")]
Config = Annotated[Path | None, typer.Option(metavar="FILE", help="A bench.toml other than the nearest.")]
