"""Smooth noise in [0, 1]: two frames whose motions are estimated, not guessed."""

import torch
import torch.nn.functional as F
from torch import Tensor


def two_frames(height: int, width: int, *, batch: int = 1, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two batches (B, 3, height, width)."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(2 * batch, 3, 2 + height // 8, 2 + width // 8, generator=generator)
    first, second = F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False).split(batch)
    return first, second
