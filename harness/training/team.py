"""Several processes that train one network: each takes its share of a batch, and gradients are added up.

Started by `torchrun`, which sets RANK, WORLD_SIZE and LOCAL_RANK. Nothing wraps the network: after the backward pass
all gradients travel as one flat tensor (gloo on CPUs, nccl on GPUs). What the first process decides by its clock or
by Ctrl-C goes through a second group on the CPU, so that no GPU has to wait for it.
"""

import os
from collections.abc import Iterable, Sequence

import torch
import torch.distributed as dist
from torch import Tensor


class Team:
    """All processes of a training, of which this is one; alone, everything here does nothing.

    Args:
        rank: number of this process; 0 writes files.
        size: how many there are.
    """

    def __init__(self, *, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size
        self._control = dist.new_group(backend="gloo") if size > 1 else None

    @classmethod
    def join(cls, device: torch.device) -> "Team":
        """The team that torchrun has called together; a team of one without it."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        if not dist.is_initialized():
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return cls(rank=dist.get_rank(), size=size)

    @property
    def leads(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Add up the gradients of all processes; each has weighted its own by its share of the batch."""
        if self.size > 1:
            self._sum([parameter.grad for parameter in parameters if parameter.grad is not None])

    def sum(self, values: Tensor) -> Tensor:
        """Add up a tensor over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def share(self, tensors: Iterable[Tensor]) -> None:
        """Everybody takes the first process's values."""
        if self.size > 1:
            for tensor in tensors:
                dist.broadcast(tensor, src=0)

    def agree(self, *numbers: float) -> list[float]:
        """The first process's numbers, for everybody."""
        if self._control is None:
            return list(numbers)
        values = torch.tensor(numbers, dtype=torch.float64)
        dist.broadcast(values, src=0, group=self._control)
        agreed: list[float] = values.tolist()
        return agreed

    def wait(self) -> None:
        """Until everybody is here."""
        if self._control is not None:
            dist.barrier(group=self._control)

    def leave(self) -> None:
        """End the team."""
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()

    @staticmethod
    def _sum(gradients: Sequence[Tensor]) -> None:
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        parts = flat.split([gradient.numel() for gradient in gradients])
        torch._foreach_copy_(list(gradients), [p.view_as(g) for p, g in zip(parts, gradients, strict=True)])


def local_device(device: torch.device) -> torch.device:
    """The device of this process of several on one machine: `cuda` becomes the GPU of its LOCAL_RANK."""
    local = os.environ.get("LOCAL_RANK")
    if local is None or device.type != "cuda" or device.index is not None:
        return device
    torch.cuda.set_device(int(local))
    return torch.device("cuda", int(local))
