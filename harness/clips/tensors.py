"""Frames as numpy pixels, (H, W, 3), and as tensors, (3, H, W): uint8 RGB both. And frames made smaller."""

import numpy as np
import torch
from torch import Tensor

from harness.clips.images import Pixels
from harness.ops.resize import lr_from_hr


def to_tensor(pixels: Pixels) -> Tensor:
    """uint8 (H, W, 3) to (3, H, W), in memory of its own."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def to_pixels(frame: Tensor) -> Pixels:
    """uint8 (3, H, W) to (H, W, 3)."""
    pixels: Pixels = frame.permute(1, 2, 0).contiguous().numpy()
    return pixels


def reduced(source: Pixels, *, scale: int) -> Tensor:
    """A frame, uint8 (H, W, 3), at 1/scale of its size: uint8 (3, h, w). Both sides are multiples of the scale."""
    return lr_from_hr(to_tensor(source), scale=scale)
