"""What a procedural clip is: a camera, photographs lying in planes, and how all of them move.

A scene is a stack of layers, far to near. The first is the background and fills the plane; each other one is a
photograph cut out by a shape. Every layer moves by a similarity transform with time: the camera's (scaled by the
layer's parallax) after the layer's own. Motion is quadratic in time, so that no method that assumes linear motion is
exactly right. Time t is in frames: frame k of a clip shows t = k, and t = k + 0.5 is the exact frame in between.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field

from harness.clips.procedural.geometry import Shape, Similarity
from harness.errors import DataError


@dataclass(frozen=True)
class Curve:
    """A quadratic in time since the clip's middle: value + rate tau + acceleration tau**2 / 2."""

    value: float = 0.0
    rate: float = 0.0
    acceleration: float = 0.0

    def at(self, tau: float) -> float:
        """The value at time `tau`, in frames since the middle of the clip."""
        return self.value + tau * (self.rate + 0.5 * self.acceleration * tau)


@dataclass(frozen=True)
class Motion:
    """Position in pixels, rotation in turns, and zoom (1 = as it lies), each a curve in time."""

    x: Curve = field(default_factory=Curve)
    y: Curve = field(default_factory=Curve)
    turns: Curve = field(default_factory=Curve)
    zoom: Curve = field(default_factory=lambda: Curve(1.0))


@dataclass(frozen=True)
class Layer:
    """A photograph in a plane.

    Attributes:
        photograph: its name in `photographs.PHOTOGRAPHS`.
        centre: the photograph's pixel (x, y) that lies at the layer's origin.
        density: photograph pixels per frame pixel at zoom 1; above 1 the frame is sharp.
        shape: what is cut out, in frame pixels at zoom 1; None for the background.
        motion: the layer's own motion; its x and y are measured from the centre of the frame.
        parallax: how much of the camera's pan and zoom the layer shows; above 1 is nearer than the background.
    """

    photograph: str
    centre: tuple[float, float]
    density: float
    shape: Shape | None = None
    motion: Motion = field(default_factory=Motion)
    parallax: float = 1.0


@dataclass(frozen=True)
class SceneSpec:
    """A whole clip, as data.

    Attributes:
        name: name of the clip.
        frames: number of frames, read at t = 0, 1, ..., frames - 1.
        camera: the picture's pan (x, y), rotation and zoom about the centre of the frame.
        layers: far to near; the first is the background.
        seed: what its motion was drawn from (for the record; nothing is drawn when rendering).
        width, height: size of a frame in pixels.
    """

    name: str
    frames: int
    camera: Motion
    layers: tuple[Layer, ...]
    seed: int = 0
    width: int = 256
    height: int = 160

    def __post_init__(self) -> None:
        cut_out = [layer.shape is not None for layer in self.layers]
        if not cut_out or cut_out[0] or not all(cut_out[1:]):
            raise DataError(
                f"Scene '{self.name}' needs one background (no shape) and then only layers with a shape.",
                found=f"layers with a shape, far to near: {cut_out}",
                todo="put the background first and give every other layer a shape",
            )
        if min(self.frames, self.width, self.height) < 1:
            raise DataError(
                f"Scene '{self.name}' needs at least one frame of at least one pixel.",
                found=f"{self.frames} frames of {self.width}x{self.height}",
                todo="give positive numbers",
            )

    def placement(self, layer: Layer, t: float) -> Similarity:
        """Where a layer lies at time t: the map from the layer's own pixels to pixels of the frame.

        Raises:
            DataError: t is so far outside the clip that the camera or the layer has shrunk to nothing.
        """
        tau = t - 0.5 * (self.frames - 1)
        own, camera = layer.motion, self.camera
        near = layer.parallax
        own_zoom, camera_zoom = own.zoom.at(tau), 1.0 + near * (camera.zoom.at(tau) - 1.0)
        if not (math.isfinite(tau) and own_zoom > 0 and camera_zoom > 0):
            raise DataError(
                f"Scene '{self.name}' cannot be seen at t = {t}.",
                found=f"zoom {own_zoom * camera_zoom:g} of the layer '{layer.photograph}'",
                todo=f"ask for a time in or near the clip, 0 to {self.frames - 1}",
            )
        lie = Similarity.of(own_zoom, own.turns.at(tau), (own.x.at(tau), own.y.at(tau)))
        pan = (
            0.5 * (self.width - 1) + near * camera.x.at(tau),
            0.5 * (self.height - 1) + near * camera.y.at(tau),
        )
        return Similarity.of(camera_zoom, camera.turns.at(tau), pan).after(lie)

    def canonical_json(self) -> str:
        """The scene as one line of JSON with sorted keys: equal scenes give equal text."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
