# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Distributed data-parallel training over the processes of ``torchrun``, or in a single process."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """This process and the other processes of its training run.

    Attributes:
        rank: Index of this process, from 0.
        count: Number of processes.
        device: Device on which this process computes.
    """

    rank: int
    count: int
    device: torch.device

    @staticmethod
    def init() -> ProcessGroup:
        """Join the process group if ``torchrun`` started it; each process gets its own GPU."""
        rank, count = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        gpu = torch.cuda.is_available()
        name = f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if gpu else "cpu"
        if count > 1 and not distributed.is_initialized():
            distributed.init_process_group("nccl" if gpu else "gloo")
        return ProcessGroup(rank, count, torch.device(name))

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and log lines."""
        return self.rank == 0

    def parallel(self, network: nn.Module) -> nn.Module:
        """The network, with gradients averaged over all processes during the backward pass.

        A single process gets the network itself. Keep a reference to the result until the backward
        pass is done: without it, gradients are silently not averaged. Call it again when parameters
        are frozen or unfrozen: ``DistributedDataParallel`` reads ``requires_grad`` only once.
        """
        if self.count == 1:
            return network
        # The main process alone saves its running statistics, so they need no synchronization.
        return DistributedDataParallel(network, forward_sync_buffers=False)
