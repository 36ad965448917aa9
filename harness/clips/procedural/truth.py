"""The truth about a scene's motion: exact flow and visibility between any two times, for tests and metrics.

A pixel of the frame at t0 shows a point of one layer: of the nearest whose edge encloses the pixel's centre. That
point is carried by the layer's transforms from t0 to t1, without any estimation.

Conventions: flow float64 (H, W, 2), channel 0 = dx, channel 1 = dy, in pixels: the point seen at p at t0 is at
p + flow(p) at t1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.clips.procedural.geometry import Array
from harness.clips.procedural.renderer import depth_inside, pixel_grid
from harness.clips.procedural.scene import SceneSpec

_ROUNDING = 1e-6  # pixels: a point that does not move stays visible in the outermost row

Mask = npt.NDArray[np.bool_]


def flow(spec: SceneSpec, t0: float, t1: float) -> Array:
    """Displacement of the surface point seen at each pixel at t0 until t1: float64 (H, W, 2), (dx, dy), pixels."""
    x, y = pixel_grid(spec)
    moved_x, moved_y = _moved(spec, t0, t1, surface=surface(spec, t0))
    return np.stack((moved_x - x, moved_y - y), axis=-1)


def visibility(spec: SceneSpec, t0: float, t1: float) -> Mask:
    """Whether the surface point seen at each pixel at t0 can be seen at t1: bool (H, W).

    It can if it lies between the centres of the outer pixels (where a bilinear reading needs nothing from outside)
    and inside the edge of no nearer layer.
    """
    seen_at_t0 = surface(spec, t0)
    x, y = _moved(spec, t0, t1, surface=seen_at_t0)
    right, low = spec.width - 1 + _ROUNDING, spec.height - 1 + _ROUNDING
    seen = (x >= -_ROUNDING) & (x <= right) & (y >= -_ROUNDING) & (y <= low)
    for number, layer in enumerate(spec.layers):
        hidden = depth_inside(layer, spec.placement(layer, t1), x, y) >= 0
        seen &= ~(hidden & (seen_at_t0 < number))
    return seen


def surface(spec: SceneSpec, t: float) -> npt.NDArray[np.uint8]:
    """Index of the layer seen at each pixel's centre (0 = background): uint8 (H, W)."""
    x, y = pixel_grid(spec)
    index = np.zeros(x.shape, dtype=np.uint8)
    for number, layer in enumerate(spec.layers):
        index[depth_inside(layer, spec.placement(layer, t), x, y) >= 0] = number
    return index


def _moved(spec: SceneSpec, t0: float, t1: float, *, surface: npt.NDArray[np.uint8]) -> tuple[Array, Array]:
    """Where the points seen at t0 are at t1: x and y, float64 (H, W) each."""
    x, y = pixel_grid(spec)
    moved_x, moved_y = x.copy(), y.copy()
    for number, layer in enumerate(spec.layers):
        motion = spec.placement(layer, t1).after(spec.placement(layer, t0).inverse())
        here = surface == number
        moved_x[here], moved_y[here] = motion.apply(x[here], y[here])
    return moved_x, moved_y
