"""Convolutions that change the size by four: 8x8, stride 4, padding 2, and their transpose; any device.

Both are what torch's `conv2d` and `conv_transpose2d` compute, with the same weights. On a GPU the transpose goes
through cuDNN's gradient kernels, which are slow for this shape and forget the memory format: of STINet's 337 ms for
a Vid4 window in fp16 on an H100, 204 were 18 calls of one such kernel. The same kernels serve the gradient of the
convolution. Here, with r = 0 .. 3 the place inside of a block of four and q = 0, 1,

    out[4 m + r - 2] = sum over q of  x[m - q] w[4 q + r]

is a 2x2 convolution to 16 times the channels whose output is laid out in blocks, and the convolution is a 2x2
convolution of blocks: two matrix products of a good shape. The CPU has good kernels of its own for both.

Maps are (B, C, H, W), best channels last.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FACTOR, _KERNEL, _MARGIN = 4, 8, 2


def enlarge(maps: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Transposed convolution: (B, C, h, w), weight (C, O, 8, 8) to (B, O, 4h, 4w).

    On a GPU the result is the inner part of a larger block of memory, channels last. An activation that does not work
    in place makes a tensor of its own of it, which the next layer reads without copying.
    """
    if maps.device.type == "cpu":
        return F.conv_transpose2d(maps, weight, bias, stride=FACTOR, padding=_MARGIN)
    return enlarge_in_blocks(maps, weight, bias)


def enlarge_in_blocks(maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`enlarge` as a 2x2 convolution whose output is laid out in blocks."""
    inputs, outputs = weight.shape[:2]
    # (C, O, q, r, q, r) to (r r O, q, q, C), channels last; the convolution reads its kernel forwards: q is flipped.
    blocks = weight.reshape(inputs, outputs, 2, FACTOR, 2, FACTOR).permute(3, 5, 1, 2, 4, 0).flip(3, 4)
    kernel = blocks.reshape(-1, 2, 2, inputs).permute(0, 3, 1, 2)
    shifts = None if bias is None else bias.repeat(FACTOR * FACTOR)
    made = F.conv2d(maps, kernel, shifts, padding=1)
    batch, _, height, width = made.shape
    laid = made.permute(0, 2, 3, 1).reshape(batch, height, width, FACTOR, FACTOR, outputs)
    laid = laid.permute(0, 1, 3, 2, 4, 5).reshape(batch, height * FACTOR, width * FACTOR, outputs)
    return laid[:, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN].permute(0, 3, 1, 2)


def reduce(maps: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Convolution: (B, C, H, W), weight (O, C, 8, 8) to (B, O, H / 4, W / 4); H and W are multiples of four."""
    if maps.device.type == "cpu" or not torch.is_grad_enabled():
        return F.conv2d(maps, weight, bias, stride=FACTOR, padding=_MARGIN)
    return reduce_in_blocks(maps, weight, bias)


def reduce_in_blocks(maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`reduce` as a 2x2 convolution of blocks."""
    outputs, inputs = weight.shape[:2]
    # (O, C, q, r, q, r) to (O, q, q, r r C), channels last.
    blocks = weight.reshape(outputs, inputs, 2, FACTOR, 2, FACTOR).permute(0, 2, 4, 3, 5, 1)
    kernel = blocks.reshape(outputs, 2, 2, -1).permute(0, 3, 1, 2)
    padded = F.pad(maps, (_MARGIN,) * 4).permute(0, 2, 3, 1)
    batch, height, width, _ = padded.shape
    tiles = padded.reshape(batch, height // FACTOR, FACTOR, width // FACTOR, FACTOR, inputs)
    tiles = tiles.permute(0, 1, 3, 2, 4, 5).reshape(batch, height // FACTOR, width // FACTOR, -1)
    return F.conv2d(tiles.permute(0, 3, 1, 2), kernel, bias)


class Enlarge(nn.ConvTranspose2d):
    """`enlarge` as a layer; weights and their names are those of the transposed convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, _KERNEL, stride=FACTOR, padding=_MARGIN)

    def forward(self, maps: Tensor) -> Tensor:  # type: ignore[override]  # no output size: it is always four times
        """(B, C, h, w) to (B, O, 4h, 4w)."""
        return enlarge(maps, self.weight, self.bias)


class Reduce(nn.Conv2d):
    """`reduce` as a layer; weights and their names are those of the convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, _KERNEL, stride=FACTOR, padding=_MARGIN)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, H, W) to (B, O, H / 4, W / 4)."""
        return reduce(maps, self.weight, self.bias)
