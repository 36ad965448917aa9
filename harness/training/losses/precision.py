"""Losses are computed in float32 at least, whatever the network runs in."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


def full(values: Tensor) -> Tensor:
    """In float32, or in float64 where that is what it is."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


@contextmanager
def no_autocast(device: torch.device) -> Iterator[None]:
    """Inside, autocast rounds nothing."""
    if not torch.amp.is_autocast_available(device.type):
        yield
        return
    with torch.autocast(device.type, enabled=False):
        yield
