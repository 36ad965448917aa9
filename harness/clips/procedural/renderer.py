"""Frames of a scene at any time, the same bits on every machine.

For each layer, far to near: every pixel's four sample points (2 x 2, a quarter pixel off the centre) are carried into
the photograph, read bilinearly from a mipmap level that is fine enough, averaged, and laid over what is there by the
shape's coverage of the pixel (a ramp one pixel wide across the edge). Photographs are mirrored at their borders.

Why the result is identical everywhere: photographs come from PNG files whose pixels are checked; transforms are
Python floats (see geometry.py) and pixels are float64 arrays, both made by +, -, *, /, sqrt and floor alone, one
IEEE 754 operation at a time, so no processor, vector width, C library or version of numpy can round them otherwise;
there is no BLAS, no sum along an axis, no resampler of a library, no thread; and one rounding to 8 bits ends it all.

Conventions: frames uint8 RGB (H, W, 3); time in frames, any real number; levels 0 to 255 are blended as stored (no
gamma), as the field's degradation does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.clips.procedural.geometry import Array, Similarity
from harness.clips.procedural.photographs import Level, Pixels, mipmap
from harness.clips.procedural.scene import Layer, SceneSpec

VERSION = 1
"""Version of the renderer: raise it whenever a pixel of any scene can change."""

Index = npt.NDArray[np.intp]

_COARSEST = 2.4  # photograph pixels per frame pixel from which the next mipmap level is read
_SAMPLES = ((-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25))


@dataclass(frozen=True)
class Rendered:
    """What is seen at one time.

    Attributes:
        frame: uint8 RGB (H, W, 3).
        surface: uint8 (H, W), index of the layer that covers the pixel's centre (0 = background).
    """

    frame: Pixels
    surface: npt.NDArray[np.uint8]


def render(spec: SceneSpec, t: float) -> Rendered:
    """The scene at time t, in frames; any real t in or near the clip gives the exact frame.

    Raises:
        DataError: a photograph is missing or damaged, or t is far outside the clip.
    """
    x, y = (axis.ravel() for axis in pixel_grid(spec))
    canvas = np.zeros((x.size, 3))
    surface = np.zeros(x.size, dtype=np.uint8)
    for number, layer in enumerate(spec.layers):
        to_frame = spec.placement(layer, t)
        inside = depth_inside(layer, to_frame, x, y)
        seen = np.flatnonzero(inside > -0.5)
        colour = _colour(layer, to_frame, x[seen], y[seen], level=_mipmap_level(spec, layer))
        coverage = np.minimum(inside[seen] + 0.5, 1.0)[:, np.newaxis]
        canvas[seen] += coverage * (colour - canvas[seen])
        surface[inside >= 0.0] = number
    frame = np.floor(canvas + 0.5).astype(np.uint8)
    return Rendered(frame.reshape(spec.height, spec.width, 3), surface.reshape(spec.height, spec.width))


def pixel_grid(spec: SceneSpec) -> tuple[Array, Array]:
    """The x and the y of every pixel's centre, float64 (H, W) each."""
    y, x = np.indices((spec.height, spec.width)).astype(np.float64)
    return x, y


def depth_inside(layer: Layer, to_frame: Similarity, x: Array, y: Array) -> Array:
    """How many pixels the frame's points (x, y) lie inside the layer's edge; negative outside, float64 like x."""
    if layer.shape is None:
        return np.full(x.shape, np.inf)
    own_x, own_y = to_frame.inverse().apply(x, y)
    return -to_frame.zoom * layer.shape.distance(own_x, own_y)


def _mipmap_level(spec: SceneSpec, layer: Layer) -> int:
    # Chosen in the middle of the clip and kept, so that nothing pops while the camera zooms.
    density = layer.density / spec.placement(layer, 0.5 * (spec.frames - 1)).zoom
    level = 0
    while density >= _COARSEST:
        density, level = 0.5 * density, level + 1
    return level


def _colour(layer: Layer, to_frame: Similarity, x: Array, y: Array, *, level: int) -> Array:
    """Mean colour of a layer over pixels, as though it had no edge: float64 (N, 3) for centres (N,)."""
    size = float(2**level)
    # Point p of the photograph lies at (p + 0.5) / size - 0.5 of its mipmap level.
    lay = Similarity(
        layer.density / size,
        0.0,
        (layer.centre[0] + 0.5) / size - 0.5,
        (layer.centre[1] + 0.5) / size - 0.5,
    )
    to_photograph = lay.after(to_frame.inverse())
    picture = mipmap(layer.photograph, level)
    total = np.zeros((x.size, 3))
    for shift_x, shift_y in _SAMPLES:
        total += _bilinear(picture, *to_photograph.apply(x + shift_x, y + shift_y))
    return total * (1.0 / len(_SAMPLES))


def _bilinear(picture: Level, x: Array, y: Array) -> Array:
    """Read a picture (h, w, 3), mirrored at its borders, at points (N,): float64 (N, 3)."""
    height, width, _ = picture.shape
    left, top = np.floor(x), np.floor(y)
    right_weight, low_weight = (x - left)[:, np.newaxis], (y - top)[:, np.newaxis]
    column, row = left.astype(np.intp), top.astype(np.intp)
    columns = _mirror(column, width), _mirror(column + 1, width)
    rows = _mirror(row, height) * width, _mirror(row + 1, height) * width
    texels = picture.reshape(-1, 3)
    upper, lower = (
        _lerp(texels.take(r + columns[0], axis=0), texels.take(r + columns[1], axis=0), right_weight) for r in rows
    )
    return _lerp(upper, lower, low_weight)


def _lerp(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating], weight: Array) -> Array:
    return first + weight * (second - first)


def _mirror(index: Index, size: int) -> Index:
    """Reflect indices into 0 .. size - 1 with the border pixel repeated: -1 is 0, size is size - 1."""
    folded = index % (2 * size)
    mirrored: Index = np.minimum(folded, 2 * size - 1 - folded)
    return mirrored
