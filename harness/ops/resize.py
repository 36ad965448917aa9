"""MATLAB's `imresize(image, scale, 'bicubic')` in torch, and the rounding of frames to 8 bits.

Source: R. Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = -0.5, as MATLAB
applies it: antialiased when shrinking, weights normalised before the border is folded by symmetry (the edge
sample is repeated: .. 2 1 | 1 2 .. n | n n-1 ..), no clipping and no rounding.

Conventions: frames are (..., H, W), any range; a length n becomes ceil(n * scale). With scale = q/p the weights
repeat every q outputs and p inputs, so an axis is cut into equal overlapping blocks of inputs, and all blocks are
multiplied by one small matrix.
"""

import math
from fractions import Fraction
from functools import lru_cache

import torch
from torch import Tensor

from harness.errors import DataError
from harness.ops.precision import full_precision

# Blocks of about this many samples: long enough for a fast matrix product, short enough to stay banded.
_BLOCK = 32
_SIMPLE_DENOMINATOR = 10_000


def resize(frames: Tensor, *, scale: Fraction | float) -> Tensor:
    """Resize the two last axes as MATLAB's bicubic `imresize` does.

    Differentiable, on any device, in the dtype of the input; half precision and autocast are computed in float32.
    Matrix products in TF32 (off by default in torch) would spoil the result on CUDA.

    Args:
        frames: (..., H, W) floating point, any range, any size from 1x1.
        scale: output size over input size; `Fraction(1, 3)` and `1 / 3` mean the same.

    Returns:
        (..., ceil(H * scale), ceil(W * scale)); values may leave the range of the input by overshoot.

    Raises:
        DataError: if the frames are integers or empty, or the scale is not a positive finite number.

    >>> resize(torch.arange(8.0).reshape(1, 8), scale=Fraction(1, 2)).tolist()
    [[0.44921875, 2.48828125, 4.51171875, 6.55078125]]
    """
    ratio = _as_fraction(scale)
    if not frames.is_floating_point() or frames.ndim < 2 or frames.numel() == 0:
        raise DataError(
            "resize needs frames (..., H, W) in floating point.",
            found=f"{frames.dtype}, shape {tuple(frames.shape)}",
            todo="convert the frames first, or use lr_from_hr for 8-bit frames",
        )
    dtype = torch.promote_types(frames.dtype, torch.float32)
    with full_precision(frames.device.type):
        return _resize_width(_resize_height(frames.to(dtype), ratio), ratio).to(frames.dtype)


def lr_from_hr(frames: Tensor, *, scale: int = 4) -> Tensor:
    """Make the low-resolution frames that benchmarks give to an upscaler: 1/scale bicubic, rounded once.

    In double precision, which MATLAB uses after `im2double`. (MATLAB's `imresize` of a uint8 array rounds after
    each of its two passes instead, and gives other frames.)

    Args:
        frames: (..., H, W) uint8.
        scale: how many times smaller the result is.

    Returns:
        (..., ceil(H / scale), ceil(W / scale)) uint8.

    Raises:
        DataError: if the frames are not uint8.
    """
    if frames.dtype != torch.uint8:
        raise DataError(
            "Low-resolution frames are made from 8-bit frames.",
            found=str(frames.dtype),
            todo="quantise the frames first",
        )
    # A frame (three planes) at a time: its float64 copy stays in the cache, and long clips cost no memory.
    flat = frames.reshape(-1, *frames.shape[-2:])
    ratio = Fraction(1, scale)
    small = torch.cat([_round_levels(resize(part.double(), scale=ratio)) for part in flat.split(1)])
    return small.reshape(*frames.shape[:-2], *small.shape[-2:])


def quantise(frames: Tensor) -> Tensor:
    """Round frames in [0, 1] to uint8 as papers do: clamp, times 255, round half to even.

    >>> quantise(torch.tensor([-0.1, 0.5 / 255, 1.5 / 255, 2.0])).tolist()
    [0, 0, 2, 255]
    """
    return _round_levels(frames * 255)


def _round_levels(levels: Tensor) -> Tensor:
    return levels.round().clamp_(0, 255).to(torch.uint8)


def _as_fraction(scale: Fraction | float) -> Fraction:
    """The scale as a ratio of small integers where that is what the float stands for."""
    if not math.isfinite(scale) or scale <= 0:
        raise DataError("A scale is a positive number.", found=str(scale), todo="give a scale such as 1/4 or 4")
    exact = Fraction(scale)
    simple = exact.limit_denominator(_SIMPLE_DENOMINATOR)
    return simple if float(simple) == float(exact) else exact


def _resize_height(frames: Tensor, ratio: Fraction) -> Tensor:
    source, matrix, step, length = _plan(frames.shape[-2], ratio, frames.dtype, frames.device)
    inputs = frames.index_select(-2, source).unfold(-2, matrix.shape[1], step).mT  # (..., blocks, taps, W)
    blocks = inputs.reshape(-1, *inputs.shape[-2:])
    outputs = torch.bmm(matrix.expand(len(blocks), -1, -1), blocks)  # (... * blocks, rows, W)
    return outputs.reshape(*frames.shape[:-2], -1, frames.shape[-1])[..., :length, :]


def _resize_width(frames: Tensor, ratio: Fraction) -> Tensor:
    source, matrix, step, length = _plan(frames.shape[-1], ratio, frames.dtype, frames.device)
    inputs = frames.index_select(-1, source).unfold(-1, matrix.shape[1], step)  # (..., H, blocks, taps)
    outputs = inputs.reshape(-1, matrix.shape[1]) @ matrix.T  # (... * H * blocks, columns)
    return outputs.reshape(*frames.shape[:-1], -1)[..., :length]


@lru_cache(maxsize=64)
def _plan(n: int, ratio: Fraction, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor, int, int]:
    """How an axis of n samples is resized.

    Returns:
        source: index of the sample behind every position of the padded axis.
        matrix: (outputs, taps), from a block of the padded axis to its outputs.
        step: distance between blocks on the padded axis.
        length: number of outputs that count; the last block may give more.
    """
    length = math.ceil(n * ratio)
    periods = math.ceil(_BLOCK / max(ratio.numerator, ratio.denominator))
    step = periods * ratio.denominator
    outputs = min(periods * ratio.numerator, length)
    # Leave inference mode: cached tensors may later be needed by autograd.
    with torch.inference_mode(False):
        matrix, first = _block_matrix(outputs, ratio)
        blocks = math.ceil(length / outputs)
        padded = first + torch.arange((blocks - 1) * step + matrix.shape[1])
        wrapped = padded % (2 * n)
        source = torch.minimum(wrapped, 2 * n - 1 - wrapped)
        return source.to(device), matrix.to(device, dtype), step, length


def _block_matrix(outputs: int, ratio: Fraction) -> tuple[Tensor, int]:
    """The weights of the first outputs as a dense band, and the (possibly negative) input of its first column."""
    p, q = ratio.denominator, ratio.numerator
    shrink = min(q / p, 1.0)
    width = 4 / shrink
    # Centre of output i on the input axis, pixel centres at whole numbers: (i + 1/2) p/q - 1/2.
    centre = torch.tensor([((2 * i + 1) * p - q) / (2 * q) for i in range(outputs)], dtype=torch.float64)
    left = torch.floor(centre - width / 2)
    taps = left[:, None] + torch.arange(math.ceil(width) + 2, dtype=torch.float64)
    weights = _cubic(shrink * (centre[:, None] - taps))
    weights /= weights.sum(dim=1, keepdim=True)
    used = taps[weights != 0]
    first, last = int(used.min()), int(used.max())
    # Taps beyond the band have weight zero: clamping them adds nothing to the column they land in.
    column = (taps.long() - first).clamp(0, last - first)
    matrix = torch.zeros(outputs, last - first + 1, dtype=torch.float64).scatter_add_(1, column, weights)
    return matrix, first


def _cubic(x: Tensor) -> Tensor:
    """Keys' kernel with a = -0.5."""
    x = x.abs()
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return torch.where(x <= 1, near, torch.where(x <= 2, far, torch.zeros_like(x)))
