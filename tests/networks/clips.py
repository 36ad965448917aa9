"""Small clips of noise for STINet, and how far two results are apart."""

import torch
from torch import Tensor


def noise(*, batch: int = 1, given: int = 2, height: int = 8, width: int = 9, seed: int = 0) -> tuple[Tensor, ...]:
    """Frames and both flows of a small clip."""
    generator = torch.Generator().manual_seed(seed)
    frames = torch.randn(batch, given, 3, height, width, generator=generator)
    flows = torch.randn(2, batch, given - 1, 2, height, width, generator=generator)
    return frames, *flows


def distance(a: Tensor, b: Tensor) -> float:
    assert a.shape == b.shape
    return float((a - b).abs().max())
