"""Frames made larger to what a network can take, by repeating the last row and the last column."""

import torch.nn.functional as F
from torch import Tensor


def at_least(maps: Tensor, size: int) -> Tensor:
    """Maps (..., C, h, w) with no side shorter than `size`: the last row and the last column are repeated."""
    height, width = maps.shape[-2:]
    room = (0, max(0, size - width), 0, max(0, size - height))
    if not any(room):
        return maps
    padded = F.pad(maps.flatten(0, -4), room, mode="replicate")
    return padded.reshape(*maps.shape[:-2], *padded.shape[-2:])


def to_multiple(frames: Tensor, multiple: int) -> Tensor:
    """(B, C, h, w) with rows and columns repeated at the bottom and at the right until `multiple` divides both."""
    height, width = frames.shape[-2:]
    room = (0, -width % multiple, 0, -height % multiple)
    return F.pad(frames, room, mode="replicate") if any(room) else frames
