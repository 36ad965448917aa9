"""Procedural clips to learn from: scenes drawn from seeds that no scored dataset has.

The photographs are the same as those of the `demo` datasets, of which there are few: what is learned here is not
unseen there. Places, shapes, sizes and motions differ.

Mean motion follows the three speeds of the demo datasets, in turn.
"""

from __future__ import annotations

import math
from random import Random

from harness.clips.procedural.geometry import Ellipse, RoundedBox, Shape, Star
from harness.clips.procedural.photographs import PHOTOGRAPHS, photograph
from harness.clips.procedural.scene import Curve, Layer, Motion, SceneSpec

FIRST_SEED = 1000
"""Seeds below are those of the scored datasets."""

_FRAMES = 9
_SPEEDS = ((0.5, 2.0), (2.0, 6.0), (6.0, 14.0))  # pixels per frame: slow, medium, fast
_WIDTH, _HEIGHT = 256, 160


def training_specs(count: int) -> tuple[SceneSpec, ...]:
    """`count` scenes of nine frames, 256x160; the first ones of a longer list are those of a shorter one."""
    return tuple(_scene(index) for index in range(count))


def _scene(index: int) -> SceneSpec:
    # Only random() is called: Python promises that its sequence for a seed never changes.
    draw = Random(FIRST_SEED + index)  # noqa: S311 - nothing secret
    speed = _SPEEDS[index % len(_SPEEDS)]
    camera = Motion(
        *_path(draw, speed, at=(0.0, 0.0)),
        turns=Curve(_within(draw, -0.03, 0.03), _within(draw, -0.002, 0.002)),
        zoom=Curve(1.0, _within(draw, -0.008, 0.008)),
    )
    name, centre = _place(draw)
    far = Layer(name, centre, _within(draw, 1.2, 1.8))
    near = tuple(_layer(draw, speed) for _ in range(1 + int(3 * draw.random())))
    return SceneSpec(
        f"train-{index:04d}",
        frames=_FRAMES,
        camera=camera,
        layers=(far, *near),
        seed=FIRST_SEED + index,
        width=_WIDTH,
        height=_HEIGHT,
    )


def _layer(draw: Random, speed: tuple[float, float]) -> Layer:
    at = (_within(draw, -0.4, 0.4) * _WIDTH, _within(draw, -0.4, 0.4) * _HEIGHT)
    motion = Motion(*_path(draw, speed, at=at), turns=Curve(_within(draw, -0.1, 0.1), _within(draw, -0.01, 0.01)))
    name, centre = _place(draw)
    return Layer(name, centre, _within(draw, 1.0, 2.5), _shape(draw), motion, _within(draw, 1.0, 1.6))


def _path(draw: Random, speed: tuple[float, float], *, at: tuple[float, float]) -> tuple[Curve, Curve]:
    """Position in x and y: a velocity of any direction, and a little bend."""
    velocity, bend = _within(draw, *speed), 0.04 * speed[1]
    # A rational point of the circle: sine and cosine would differ in the last bit between C libraries.
    slope = _within(draw, -1.0, 1.0)
    along, across = (1 - slope * slope) / (1 + slope * slope), 2 * slope / (1 + slope * slope)
    along = -along if draw.random() < 0.5 else along
    return (
        Curve(at[0], _grid(velocity * along), _within(draw, -bend, bend)),
        Curve(at[1], _grid(velocity * across), _within(draw, -bend, bend)),
    )


def _place(draw: Random) -> tuple[str, tuple[float, float]]:
    """A photograph, and a point in its middle half."""
    names = sorted(PHOTOGRAPHS)
    name = names[int(draw.random() * len(names))]
    height, width, _ = photograph(name).shape
    return name, (_within(draw, 0.25, 0.75) * width, _within(draw, 0.25, 0.75) * height)


def _shape(draw: Random) -> Shape:
    size, kind = _within(draw, 18.0, 50.0), draw.random()
    if kind < 1 / 3:
        return Ellipse(size, _grid(size * (0.6 + 0.4 * draw.random())))
    if kind < 2 / 3:
        return RoundedBox(size, _grid(size * (0.4 + 0.6 * draw.random())), 6.0)
    return Star(size, 3 + int(3 * draw.random()), _within(draw, 0.08, 0.25))


def _within(draw: Random, least: float, most: float) -> float:
    return _grid(least + (most - least) * draw.random())


def _grid(value: float) -> float:
    return math.floor(value * 2.0**20 + 0.5) / 2.0**20  # short to write down, and exact
