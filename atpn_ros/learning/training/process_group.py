# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The processes of one run: alone, or several started by ``torchrun``."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
from torch import distributed, nn


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """This process among those of its run.

    Attributes:
        rank: Its number.
        count: How many there are.
        device: Where it computes.
    """

    rank: int
    count: int
    device: torch.device

    @staticmethod
    def init() -> ProcessGroup:
        """Join the others if ``torchrun`` started them; one GPU each where there are GPUs."""
        rank, count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        gpu = torch.cuda.is_available()
        name = f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if gpu else "cpu"
        if count > 1 and not distributed.is_initialized():
            distributed.init_process_group("nccl" if gpu else "gloo")
        return ProcessGroup(rank, count, torch.device(name))

    @property
    def is_main(self) -> bool:
        """Whether this process writes and reports."""
        return self.rank == 0

    def share_gradients(self, network: nn.Module) -> None:
        """Average the gradients over all processes."""
        if self.count == 1:
            return
        for parameter in network.parameters():
            if parameter.grad is not None:
                distributed.all_reduce(parameter.grad)
                parameter.grad /= self.count
