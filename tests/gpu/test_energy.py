"""The energy pass on a real GPU: a window over NVML's own counter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    Measured = Callable[..., pd.DataFrame]


@pytest.mark.capability("energy per image")
def test_the_energy_of_an_image_is_read_and_idle_subtracted(measured: Measured) -> None:
    [row] = measured("gpu/small", "--device", "cuda", "--batch", "64", "--energy").to_dict("records")
    if row["energy_j"] != row["energy_j"]:
        pytest.skip("this GPU has no energy counter that counts; the run's last lines say why")
    assert row["energy_method"] == "NVML total energy counter"
    assert 0 < row["idle_power_w"] < row["power_w"] < 2000
    assert 0 < row["energy_above_idle_j"] < row["energy_j"]
    assert row["energy_j"] * row["throughput_per_s"] == pytest.approx(row["power_w"], rel=0.3)
