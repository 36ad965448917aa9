"""The bilateral cost volume: how alike two maps are along lines through each pixel of a moment between them.

Source: J. Park, K. Ko, C. Lee, C.-S. Kim, "BMBC: Bilateral Motion Estimation with Bilateral Cost Volume for Video
Interpolation", 2020, Sec. 3.1, and the behaviour of its release where the text is silent. ABME took it over, with
t = 1/2.

    c_d(p) = sum over channels of  a(p - 2t V) · b(p + 2 (1 - t) V),    V = v(p) + d,    d in [-D, D] x [-D, D]

with a and b the maps of the moments 0 and 1, each pixel's channels divided by their length, and v the bilateral
motion so far. A position may be a thousandth of a pixel outside of its map, which then continues with its edge; a
cost of which either position is further outside is zero (`harness.ops.warp.inside`). At t = 0 a is not sampled but
taken as it is, at t = 1 b.

Conventions: maps are (B, C, H, W), v is (B, 2, H, W) in pixels of the maps, dx before dy. Displacements row by row,
dy before dx: channel (dy + D) (2D + 1) + dx + D, as in `harness.ops.correlation`.

Memory: a map is sampled (2D + 1)² times. A few displacements at a time are made by one call, so that samples take at
most 32 MiB on a CPU and 256 MiB elsewhere (or one displacement's, where that is more), and about four such tensors
are alive. In training too: where there are several calls, samples are made again for the backward pass. Nothing waits
for the device.
Measured at 720x576, 32 channels, D = 2, t = 1/4, CPU: 340 MB beside the inputs, of which the result is 40; with
gradients 870 MB, 140 of them the result and the gradients themselves.
"""

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from harness.errors import DataError
from harness.ops.memory import most_elements
from harness.ops.precision import at_least_float32
from harness.ops.warp import Reading, inside, positions, sample

_EPSILON = 1e-6  # of the squared length of a pixel's channels


def bilateral_cost(
    first: Tensor, second: Tensor, motion: Tensor, *, max_displacement: int, reading: Reading, time: float = 0.5
) -> Tensor:
    """The cost volume between two maps around a bilateral motion. Differentiable once in all three.

    Args:
        first: a, (B, C, H, W), floating point.
        second: b, of the same shape.
        motion: v, (B, 2, H, W), pixels.
        max_displacement: D, pixels along each axis.
        reading: how the release takes positions.
        time: t, in [0, 1].

    Returns:
        (B, (2D + 1)², H, W), float32 or better.

    Raises:
        DataError: the shapes do not fit together, or the time lies outside.
    """
    batch, _, height, width = first.shape
    if first.shape != second.shape or motion.shape != (batch, 2, height, width) or not 0 <= time <= 1:
        raise DataError(
            "A bilateral cost volume is of two maps (B, C, H, W), a motion (B, 2, H, W) and a time in [0, 1].",
            found=f"{tuple(first.shape)}, {tuple(second.shape)}, {tuple(motion.shape)} and {time}",
        )
    maps = _normalised(at_least_float32(first)), _normalised(at_least_float32(second))
    steps = _displacements(max_displacement, like=maps[0])
    few = max(1, most_elements(maps[0]) // maps[0].numel())
    again = torch.is_grad_enabled() and few < steps.shape[1]
    parts = [(*maps, motion.to(steps.dtype), some, time, reading) for some in steps.split(few, dim=1)]
    costs = [
        checkpoint(_costs, *part, use_reentrant=False, preserve_rng_state=False) if again else _costs(*part)
        for part in parts
    ]
    return torch.cat(costs, dim=1)


def _costs(first: Tensor, second: Tensor, motion: Tensor, steps: Tensor, time: float, reading: Reading) -> Tensor:
    """Maps (B, C, H, W), a motion (B, 2, H, W) and N displacements (1, N, 2, 1, 1) to costs (B, N, H, W)."""
    motions = motion.unsqueeze(1) + steps
    a, a_counts = _moved(first, motions, -2 * time, reading)
    b, b_counts = _moved(second, motions, 2 * (1 - time), reading)
    return (a * b).sum(dim=1) * (a_counts & b_counts)


def _moved(maps: Tensor, motions: Tensor, factor: float, reading: Reading) -> tuple[Tensor, Tensor]:
    """Samples (B, C, N, H, W), and which of them count, (B, N, H, W); of no motion the maps, (B, C, 1, H, W)."""
    if factor == 0:
        return maps.unsqueeze(2), torch.ones_like(motions[:, :, 0], dtype=torch.bool)
    x, y = (place.squeeze(2) for place in positions(factor * motions, reading=reading))
    places = (place.flatten(1, 2).unsqueeze(1) for place in (x, y))
    return sample(maps, *places).unflatten(2, x.shape[1:3]), inside(x, y, (maps.shape[2], maps.shape[3]))


def _normalised(maps: Tensor) -> Tensor:
    return maps / (maps.square().sum(dim=1, keepdim=True) + _EPSILON).sqrt()


def _displacements(reach: int, *, like: Tensor) -> Tensor:
    """All d, (1, (2D + 1)², 2, 1, 1), dx before dy."""
    steps = torch.arange(-reach, reach + 1, device=like.device, dtype=like.dtype)
    dy, dx = torch.meshgrid(steps, steps, indexing="ij")
    return torch.stack((dx.flatten(), dy.flatten()), dim=1).view(1, -1, 2, 1, 1)
