"""A convolution with a kernel of its own for every pixel, which is a column times a row.

Source: S. Niklaus, L. Mai, F. Liu, "Video Frame Interpolation via Adaptive Separable Convolution", 2017, Eq. 3:

    y_c(p) = sum over i, j of  v_i(p) · x_c(p + (i, j)) · h_j(p)

Conventions: v indexes rows, h columns; the frame is larger than the result by the kernel's size less one, so that
(i, j) = 0 is the upper left corner of the kernel. Not flipped; kernels need not add up to one.

How: of a row of the result, 32 pixels at a time share one patch of the frame, K rows of 31 + K columns. One matrix
product applies all their columns v to all of it; a second one, by h with zeros around it, picks the K columns of
each. At 720x576, K = 51, three channels, one CPU thread: 0.4 s; tap by tap, in bands of 8 rows, 1.5 s.

Memory: patches are copied for a band of rows at a time, at most 4 MiB of them on a CPU (more fall out of its caches)
and 256 MiB elsewhere, unless one row needs more. In training, they are made again for the backward pass. Measured at
720x576, K = 51, on a CPU: temporary tensors of 13 MB beside arguments and result.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from harness.errors import DataError
from harness.ops.precision import full_precision

_TILE = 32  # pixels that share a patch: more copy less, and multiply more
_CPU_LIMIT = 4 * 2**20
_LIMIT = 256 * 2**20


def separable_conv(frames: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
    """Apply a kernel of K x K taps at every pixel. Differentiable once in all tensors.

    Computed in float32 or better, inside of autocast too. Nothing waits for the device. Matrix products in TF32 (off
    by default in torch) would spoil the result on CUDA.

    Args:
        frames: x, (B, C, H + K - 1, W + K - 1), floating point, any range.
        vertical: v, (B, K, H, W).
        horizontal: h, of the same shape.

    Returns:
        (B, C, H, W), in the dtype of the frames.

    Raises:
        DataError: the shapes do not fit together.
    """
    taps = vertical.shape[1]
    height, width = (length - taps + 1 for length in frames.shape[2:])
    if not vertical.shape == horizontal.shape == (len(frames), taps, height, width):
        raise DataError(
            "Separable kernels are (B, K, H, W), their frames (B, C, H + K - 1, W + K - 1).",
            found=f"frames {tuple(frames.shape)}, kernels {tuple(vertical.shape)} and {tuple(horizontal.shape)}",
            todo=f"pad frames of the kernels' size by {taps // 2} at every side",
        )
    precise = torch.promote_types(frames.dtype, torch.float32)
    with full_precision(frames.device.type):
        result = _in_bands(frames.to(precise), vertical.to(precise), horizontal.to(precise))
    return result.to(frames.dtype)


def _in_bands(frames: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
    """Some rows of the result at a time. How many follows from shapes alone."""
    batch, taps, height, width = vertical.shape
    row = batch * -(-width // _TILE) * taps * frames.shape[1] * (_TILE - 1 + taps)  # numbers in its patches
    most = (_CPU_LIMIT if frames.device.type == "cpu" else _LIMIT) // frames.element_size()
    rows = max(1, most // row)
    again = torch.is_grad_enabled() and rows < height
    bands = []
    for first, *kernels in zip(
        range(0, height, rows), vertical.split(rows, 2), horizontal.split(rows, 2), strict=True
    ):
        seen = frames[:, :, first : first + kernels[0].shape[2] + taps - 1]
        band = (seen, kernels[0], kernels[1])
        bands.append(
            checkpoint(_band, *band, use_reentrant=False, preserve_rng_state=False) if again else _band(*band)
        )
    return torch.cat(bands, dim=2)


def _band(frames: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
    """The rows of these kernels."""
    taps, width = vertical.shape[1], vertical.shape[3]
    span = _TILE - 1 + taps
    whole = (0, -width % _TILE)  # tiles
    patches = F.pad(frames, whole).unfold(2, taps, 1).unfold(3, span, _TILE)  # (B, C, rows, tiles, K, span)
    patches = patches.permute(0, 2, 3, 4, 1, 5).flatten(4)  # (B, rows, tiles, K, C span)
    v, h = (F.pad(each, whole).unflatten(3, (-1, _TILE)).permute(0, 2, 3, 4, 1) for each in (vertical, horizontal))
    columns = (v @ patches).unflatten(4, (-1, span))  # (B, rows, tiles, 32, C, span)
    # Zeros put the taps of each pixel one column further to the right than those of the pixel before: rows of
    # span + 1 numbers, read as rows of span.
    h = F.pad(h, (0, _TILE)).flatten(3)[..., : _TILE * span].unflatten(3, (_TILE, span))
    result: Tensor = (columns @ h.unsqueeze(-1)).squeeze(-1)  # (B, rows, tiles, 32, C)
    return result.flatten(2, 3)[:, :, :width].permute(0, 3, 1, 2)
