"""Sampling where a flow points to, by a filter of every pixel's own that reaches further than the bilinear one.

Source: W. Bao et al., "MEMC-Net: Motion Estimation and Motion Compensation Driven Neural Network for Video
Interpolation and Enhancement", 2018, the adaptive warping layer; "Depth-Aware Video Frame Interpolation", 2019, and
the behaviour of its release. With q = p + flow(p), (x, y) its whole part and (a, b) its fraction:

    out(p) = sum over i, j = 0..3 of  I(x - 1 + i, y - 1 + j) · k_{4j+i}(p) · u_i(a) · u_j(b),
    u(a) = (1 - a, 1 - a, a, a)

Taps outside of the frame read its edge. Where q lies outside of the frame, or the flow is as long as half of a side
or longer, out(p) = I(p).

Conventions: flow (B, 2, H, W), dx before dy, pixels. Filters (B, 16, H, W), row by row, not normalised. The result is
not continuous in the flow: where q crosses a pixel, other taps begin to count.

How: a frame is a list of pixels of C channels, and `embedding_bag` adds up 16 of them for each of the result, so that
no sample is ever stored. Measured at 720x576 on one CPU thread, 196 channels that lie channels last: 0.5 s (some
times as much for the copy where they do not), and 85 MB beside arguments and result. What is stored of 16 numbers a
pixel are their places, in 32 bits, and their weights; for three channels the peak is 140 MB.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import DataError
from harness.ops.precision import full_precision
from harness.ops.warp import in_bounds, positions

SIDE = 4
TAPS = SIDE**2


def filter_interpolation(frames: Tensor, flow: Tensor, filters: Tensor) -> Tensor:
    """Sample and filter. Differentiable once in everything; in the flow, as it is between two pixels.

    Computed in float32 or better, inside of autocast too. Nothing waits for the device.

    Args:
        frames: I, (B, C, H, W), floating point, any range; fastest where they lie in memory channels last.
        flow: (B, 2, H, W), pixels.
        filters: k, (B, 16, H, W).

    Returns:
        (B, C, H, W), channels last, in the dtype of the frames.

    Raises:
        DataError: the shapes do not fit together.
    """
    batch, channels, height, width = frames.shape
    if flow.shape != (batch, 2, height, width) or filters.shape != (batch, TAPS, height, width):
        raise DataError(
            f"Filter interpolation needs a flow (B, 2, H, W) and filters (B, {TAPS}, H, W) of the frames' size.",
            found=f"frames {tuple(frames.shape)}, flow {tuple(flow.shape)}, filters {tuple(filters.shape)}",
        )
    precise = torch.promote_types(frames.dtype, torch.float32)
    with full_precision(frames.device.type):
        places, weights = _taps(flow.to(precise), filters.to(precise))
        pixels = frames.to(precise).permute(0, 2, 3, 1).reshape(-1, channels)
        sampled = F.embedding_bag(places, pixels, per_sample_weights=weights, mode="sum")
    return sampled.view(batch, height, width, channels).permute(0, 3, 1, 2).to(frames.dtype)


def _taps(flow: Tensor, filters: Tensor) -> tuple[Tensor, Tensor]:
    """Which pixels of all frames, counted through, make each pixel, and with which weights: (B H W, 16) both."""
    batch, _, height, width = flow.shape
    x, y = (place.squeeze(1) for place in positions(flow))
    columns, by_x = _along(x, width)
    rows, by_y = _along(y, height)
    own = torch.arange(batch * height * width, dtype=torch.int32, device=flow.device).view(batch, height, width, 1, 1)
    places = own[:, :1, :1] + rows.unsqueeze(-1) * width + columns.unsqueeze(-2)  # (B, H, W, 4, 4)
    weights = filters.movedim(1, -1).unflatten(-1, (SIDE, SIDE)) * by_y.unsqueeze(-1) * by_x.unsqueeze(-2)
    dx, dy = flow.abs().unbind(1)
    valid = in_bounds(flow).squeeze(1) & (dx < width / 2) & (dy < height / 2)
    itself = torch.zeros_like(weights[:1, :1, :1])
    itself[..., 0, 0] = 1
    valid = valid[..., None, None]
    places, weights = torch.where(valid, places, own), torch.where(valid, weights, itself)
    return places.reshape(-1, TAPS), weights.reshape(-1, TAPS)


def _along(places: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The four pixels around each place along one axis, always inside, and their weights u: (B, H, W, 4) both."""
    whole = places.detach().floor()
    after = (places - whole).unsqueeze(-1)
    steps = torch.arange(-1, SIDE - 1, dtype=torch.int32, device=places.device)
    # Clamped as integers: a flow that is not finite reads no foreign memory either.
    pixels = (whole.to(torch.int32).unsqueeze(-1) + steps).clamp(0, size - 1)
    return pixels, torch.cat((1 - after, 1 - after, after, after), dim=-1)
