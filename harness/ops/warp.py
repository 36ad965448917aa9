"""Backward warping with a flow field, and what belongs to it: bounds, visibility, bilinear resizing.

Conventions:
    A flow is (B, 2, H, W) in pixels, channel 0 = dx, channel 1 = dy. `flow_0_to_1` at pixel p of frame 0 says
    where p has gone in frame 1, so `warp(frame_1, flow_0_to_1)` looks like frame 0. Pixel centres have integer
    coordinates (what `grid_sample` calls align_corners=True, without its detour through [-1, 1]): zero flow gives
    back the very same numbers, and whole-pixel flow copies pixels, in every precision.
    Borders: "border" repeats the edge pixel, "zeros" continues the image with zeros and blends into them over
    one pixel.

The operator gathers the four neighbours of each position instead of calling `grid_sample`: exact at integers,
three times faster on a CPU (0.10 against 0.31 ms for five planes of 180x144), differentiable in frames and flow.
"""

from itertools import product
from typing import Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import DataError

Padding = Literal["border", "zeros"]


class Warp(Protocol):
    """`warp`, or what stands in its place."""

    def __call__(self, frames: Tensor, flow: Tensor, *, padding: Padding = "border") -> Tensor:
        """See `warp`."""
        ...


def positions(flow: Tensor) -> tuple[Tensor, Tensor]:
    """Where each pixel of a flow (B, 2, H, W) points to: x and y, each (B, 1, H, W), in pixels."""
    height, width = flow.shape[-2:]
    x = torch.arange(width, device=flow.device, dtype=flow.dtype)
    y = torch.arange(height, device=flow.device, dtype=flow.dtype).view(-1, 1)
    dx, dy = flow.split(1, dim=1)
    return dx + x, dy + y


def warp(frames: Tensor, flow: Tensor, *, padding: Padding = "border") -> Tensor:
    """Backward warping: the bilinear sample of `frames` at p + flow(p), for every pixel p.

    Args:
        frames: (B, C, H, W), floating point, any range.
        flow: (B, 2, H, W), pixels, float32 or float64 (positions of a large frame do not fit into half precision).
        padding: what lies outside of the frame: its repeated edge or zeros.

    Returns:
        (B, C, H, W) in the precision of `frames`; differentiable in both arguments.

    Raises:
        DataError: the shapes do not fit together.
    """
    batch, channels, height, width = frames.shape
    if flow.shape != (batch, 2, height, width):
        raise DataError(
            "Warping needs one flow of the frames' own size per frame.",
            found=f"frames {tuple(frames.shape)}, flow {tuple(flow.shape)}",
            todo=f"pass a flow of shape {(batch, 2, height, width)}",
        )
    x, y = positions(flow)
    columns, rows = _neighbours(x, width, padding=padding), _neighbours(y, height, padding=padding)
    planes = frames.reshape(batch, channels, height * width)
    warped = torch.zeros_like(frames)
    for (row, row_weight), (column, column_weight) in product(rows, columns):
        index = torch.add(column, row, alpha=width).reshape(batch, 1, height * width)
        corner = planes.gather(2, index.expand(-1, channels, -1)).view(frames.shape)
        warped.addcmul_(corner, (row_weight * column_weight).to(frames.dtype))
    return warped


def stretched_warp(frames: Tensor, flow: Tensor, *, padding: Padding = "border") -> Tensor:
    """`warp` as a `grid_sample` does it that is given the positions of one convention and follows the other.

    Until PyTorch 1.2 align_corners=True was what `grid_sample` did unasked, since then False is. Where a program does
    not ask, its positions p along n pixels are read at p n / (n - 1) - 1/2 today: off by half a pixel at either end.

    Args:
        frames: as in `warp`.
        flow: as in `warp`.
        padding: as in `warp`.
    """
    height, width = flow.shape[-2:]
    x, y = positions(flow)
    dx, dy = flow.split(1, dim=1)
    off_x, off_y = (at * (size / max(size - 1, 1) - 1) - 0.5 for at, size in ((x, width), (y, height)))
    return warp(frames, torch.cat((dx + off_x, dy + off_y), dim=1), padding=padding)


def _neighbours(position: Tensor, size: int, *, padding: Padding) -> tuple[tuple[Tensor, Tensor], ...]:
    """The two pixels around each position along one axis: their indices, always inside, and weights."""
    margin = 0 if padding == "border" else 1  # one pixel outside, zeros have fully taken over
    position = position.clamp(-margin, size - 1 + margin)
    floor = position.detach().floor()
    before = floor.long()
    after_weight = position - floor
    pairs = []
    for pixel, weight in ((before, 1 - after_weight), (before + 1, after_weight)):
        inner = pixel.clamp(0, size - 1)  # on integers: a flow that is not finite reads no foreign memory either
        pairs.append((inner, weight if padding == "border" else weight * (pixel == inner)))
    return tuple(pairs)


def in_bounds(flow: Tensor) -> Tensor:
    """Which pixels of a flow (B, 2, H, W) point to a place inside the frame: (B, 1, H, W), bool."""
    height, width = flow.shape[-2:]
    x, y = positions(flow)
    return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)


def visible(flow_0_to_1: Tensor, flow_1_to_0: Tensor, *, relative: float = 0.01, absolute: float = 0.5) -> Tensor:
    """Which pixels of frame 0 can be seen in frame 1, by forward-backward consistency.

    A pixel is hidden when going there and back misses it: |f + b|^2 > relative (|f|^2 + |b|^2) + absolute, f the
    flow and b the backward flow where f points to (Sundaram, Brox, Keutzer 2010; the thresholds are those of Ruder
    et al. 2016 and Lai et al. 2018). Pixels that leave the frame are hidden.

    Args:
        flow_0_to_1: (B, 2, H, W), pixels.
        flow_1_to_0: the same between the same frames, the other way.
        relative: part of the squared lengths that is forgiven.
        absolute: squared pixels that are forgiven.

    Returns:
        (B, 1, H, W), bool.
    """
    back = warp(flow_1_to_0, flow_0_to_1)
    mismatch = (flow_0_to_1 + back).square().sum(1, keepdim=True)
    lengths = (flow_0_to_1.square() + back.square()).sum(1, keepdim=True)
    return (mismatch <= relative * lengths + absolute) & in_bounds(flow_0_to_1)


def resize_bilinear(planes: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resize (B, C, h, w) -> (B, C, *size): half-pixel centres, clamped at the border, no antialiasing.

    The same as OpenCV's INTER_LINEAR on floating-point images. A flow must be multiplied by the scale as well.
    """
    if planes.shape[-2:] == size:
        return planes
    return F.interpolate(planes, size=size, mode="bilinear", align_corners=False)


def resize_flow(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """A flow (B, 2, h, w) as it is in frames of another size, (B, 2, *size): resized, and its lengths scaled."""
    if flow.shape[-2:] == size:
        return flow
    scale_y, scale_x = (new / old for new, old in zip(size, flow.shape[-2:], strict=True))
    dx, dy = resize_bilinear(flow, size).unbind(1)
    return torch.stack((dx * scale_x, dy * scale_y), dim=1)
