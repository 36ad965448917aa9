"""The clips of the embedded dataset `demo`, and of `demo-fast`, `demo-medium` and `demo-slow`.

The three speeds mirror the split of Vimeo-90K's test set in the field's tables (Xiang et al., Zooming Slow-Mo, 2020):
three clips of seven frames each. `demo` mixes the speeds: two clips of each, every second one with 13 frames so that
windows overlap. What lies where is chosen by hand; how it moves is drawn from a seed around a hand-chosen direction.

Mean motion between consecutive frames at 256x160: slow 0.5 to 2, medium 2 to 6, fast 6 to 15 pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from random import Random
from typing import Literal, get_args

from harness.clips.procedural.geometry import Ellipse, RoundedBox, Shape, Star
from harness.clips.procedural.scene import Curve, Layer, Motion, SceneSpec
from harness.errors import DataError
from harness.names import suggest

Speed = Literal["fast", "medium", "slow"]
Pair = tuple[float, float]

_BEND = {"slow": 0.03, "medium": 0.12, "fast": 0.35}  # pixels per frame**2: what linear motion misses
_TURN = {"slow": 0.0003, "medium": 0.0010, "fast": 0.0020}  # turns per frame, of the camera
_ZOOM = {"slow": 0.0020, "medium": 0.0050, "fast": 0.0080}  # growth per frame, of the camera


@dataclass(frozen=True)
class _Thing:
    """Something in a photograph that stands well by itself; density in photograph pixels per frame pixel."""

    photograph: str
    centre: Pair
    density: float
    shape: Shape | None = None


@dataclass(frozen=True)
class _Move:
    """A foreground layer's place in the middle of the clip, and velocity and spin (turns) per frame."""

    thing: _Thing
    at: Pair
    velocity: Pair
    spin: float = 0.0
    parallax: float = 1.25


_CAT = _Thing("chelsea", (225.0, 150.0), 1.35)
_TABLE = _Thing("coffee", (290.0, 190.0), 1.6)
_PORTRAIT = _Thing("astronaut", (256.0, 190.0), 1.5)
_MEADOW = _Thing("camera", (270.0, 190.0), 1.5)
_GRASS = _Thing("grass", (256.0, 256.0), 1.6)
_TISSUE = _Thing("ihc", (256.0, 256.0), 1.5)
_FLAG = _Thing("astronaut", (256.0, 256.0), 1.3)
_PATH = _Thing("brick", (256.0, 256.0), 1.5)
_GRAVEL = _Thing("gravel", (256.0, 256.0), 1.6)

_CUP = _Thing("coffee", (272.0, 196.0), 4.4, Ellipse(46.0, 41.0))
_COIN = _Thing("coins", (337.0, 43.0), 1.1, Ellipse(27.0, 26.0))
_HEAD_COIN = _Thing("coins", (348.0, 188.0), 1.1, Ellipse(27.0, 27.0))
_PAGE = _Thing("page", (146.0, 72.0), 1.6, RoundedBox(90.0, 40.0, 7.0))
_BADGE = _Thing("astronaut", (167.0, 387.0), 1.1, Ellipse(29.5, 31.0))
_FACE = _Thing("astronaut", (226.0, 96.0), 2.0, Ellipse(36.0, 44.0))
_WHEEL = _Thing("color", (185.0, 185.0), 3.4, Star(46.0, 5, 0.22))
_CAT_FACE = _Thing("chelsea", (225.0, 150.0), 2.6, Star(60.0, 3, 0.08))
_LEAF = _Thing("ihc", (150.0, 170.0), 1.8, Star(48.0, 3, 0.25))


def _scene(name: str, seed: int, background: _Thing, *moves: _Move, pan: Pair) -> SceneSpec:
    """A clip of seven frames; `pan` is the camera's velocity in pixels per frame, the name starts with the speed."""
    speed = name.partition("-")[0]
    # Only random() is called: Python promises that its sequence for a seed never changes.
    draw = Random(seed)  # noqa: S311 - nothing secret
    near = tuple(_layer(draw, move, bend=_BEND[speed]) for move in moves)
    camera = Motion(
        x=Curve(0.0, _about(draw, pan[0]), _spread(draw, _BEND[speed])),
        y=Curve(0.0, _about(draw, pan[1]), _spread(draw, _BEND[speed])),
        turns=Curve(_spread(draw, 0.01), _spread(draw, _TURN[speed]), _spread(draw, 0.1 * _TURN[speed])),
        zoom=Curve(1.0, _spread(draw, _ZOOM[speed]), _spread(draw, 0.1 * _ZOOM[speed])),
    )
    far = Layer(background.photograph, background.centre, background.density)
    return SceneSpec(name, frames=7, camera=camera, layers=(far, *near), seed=seed)


def _layer(draw: Random, move: _Move, *, bend: float) -> Layer:
    motion = Motion(
        x=Curve(move.at[0], _about(draw, move.velocity[0]), _spread(draw, bend)),
        y=Curve(move.at[1], _about(draw, move.velocity[1]), _spread(draw, bend)),
        turns=Curve(_spread(draw, 0.03), _about(draw, move.spin), 0.0),
    )
    thing = move.thing
    return Layer(thing.photograph, thing.centre, thing.density, thing.shape, motion, move.parallax)


def _about(draw: Random, value: float) -> float:
    return _grid(value * (0.85 + 0.3 * draw.random()))


def _spread(draw: Random, most: float) -> float:
    """A number of either sign, from half of `most` to `most` in size: never negligible."""
    size = most * (0.5 + 0.5 * draw.random())
    return _grid(size if draw.random() < 0.5 else -size)


def _grid(value: float) -> float:
    return math.floor(value * 2.0**20 + 0.5) / 2.0**20  # short to write down, and exact


_SCENES = (
    _scene("slow-cat", 11, _CAT, _Move(_PAGE, (30.0, 52.0), (-0.9, 0.2), 0.0006), pan=(0.8, -0.3)),
    _scene(
        "slow-table",
        12,
        _TABLE,
        _Move(_COIN, (-88.0, 30.0), (1.3, -0.2), 0.006),
        _Move(_HEAD_COIN, (-52.0, 44.0), (-0.8, -0.6), -0.004),
        pan=(-0.9, 0.4),
    ),
    _scene("slow-portrait", 13, _PORTRAIT, _Move(_WHEEL, (84.0, 26.0), (-0.7, 0.5), 0.004), pan=(0.4, 0.9)),
    _scene(
        "medium-meadow",
        21,
        _MEADOW,
        _Move(_CUP, (66.0, 38.0), (-4.5, -0.8), 0.002),
        _Move(_BADGE, (92.0, -34.0), (-2.0, 3.0), 0.01, parallax=1.6),
        pan=(3.2, 0.8),
    ),
    _scene(
        "medium-lawn",
        22,
        _GRASS,
        _Move(_CAT_FACE, (-44.0, 8.0), (3.0, 1.2), -0.002),
        _Move(_PAGE, (60.0, 40.0), (-3.5, -1.0), 0.002, parallax=1.4),
        pan=(-2.0, -2.4),
    ),
    _scene(
        "medium-tissue",
        23,
        _TISSUE,
        _Move(_FACE, (-50.0, 4.0), (3.6, 0.8), 0.001),
        _Move(_COIN, (44.0, -20.0), (-4.0, 2.0), 0.014),
        pan=(2.4, -2.6),
    ),
    _scene(
        "fast-flag",
        31,
        _FLAG,
        _Move(_CUP, (40.0, 30.0), (-14.0, -2.0), 0.003),
        pan=(5.5, 6.0),
    ),
    _scene(
        "fast-path",
        32,
        _PATH,
        _Move(_FACE, (-30.0, -4.0), (12.0, 3.0), 0.004),
        _Move(_LEAF, (60.0, 30.0), (-5.0, -6.0), 0.012, parallax=1.5),
        pan=(-6.0, 5.5),
    ),
    _scene(
        "fast-gravel",
        33,
        _GRAVEL,
        _Move(_PAGE, (-20.0, 20.0), (-8.0, 4.0), -0.003),
        _Move(_BADGE, (10.0, -30.0), (13.0, 1.0), 0.02, parallax=1.6),
        pan=(8.0, -3.0),
    ),
)


def demo_clip_specs(speed: Speed) -> tuple[SceneSpec, ...]:
    """The clips of `demo-fast`, `demo-medium` or `demo-slow`: three scenes of seven frames, 256x160.

    Raises:
        DataError: there is no such speed.
    """
    if speed not in get_args(Speed):
        raise DataError(f"There is no speed '{speed}'.", todo=suggest(speed, get_args(Speed)))
    return tuple(spec for spec in _SCENES if spec.name.startswith(f"{speed}-"))


def demo_mix_specs() -> tuple[SceneSpec, ...]:
    """The clips of `demo`: for each speed one of seven frames and one of 13, six in all."""
    mix: list[SceneSpec] = []
    for speed in get_args(Speed):
        short, other, _ = demo_clip_specs(speed)
        mix += [short, replace(other, name=f"{other.name}-long", frames=13)]
    return tuple(mix)


def demo_dataset_specs(dataset: str) -> tuple[SceneSpec, ...]:
    """The clips of `demo`, `demo-fast`, `demo-medium` or `demo-slow`, in their order.

    Raises:
        DataError: there is no such dataset.
    """
    if dataset == "demo":
        return demo_mix_specs()
    for speed in get_args(Speed):
        if dataset == f"demo-{speed}":
            return demo_clip_specs(speed)
    known = ["demo", *(f"demo-{speed}" for speed in get_args(Speed))]
    raise DataError(f"There is no embedded dataset '{dataset}'.", todo=suggest(dataset, known))
