"""What flows between the stages: the LR and the HR feature sequences of a batch of clips."""

from typing import NamedTuple

from torch import Tensor, nn


class Features(NamedTuple):
    """The sequences L and H of the paper, or the pictures that are made from them.

    Args:
        lr: (B, T, C, h, w).
        hr: (B, T, C, 4h, 4w).
    """

    lr: Tensor
    hr: Tensor


def per_map(module: nn.Module, maps: Tensor) -> Tensor:
    """Apply a module for (B, C, H, W) to all maps of (..., C, H, W) in one call."""
    out: Tensor = module(maps.flatten(0, -4))
    return out.reshape(*maps.shape[:-3], *out.shape[1:])
