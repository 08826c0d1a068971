"""One thread for each test process: two processes whose threads wait for each other's cores take twenty times as long."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
