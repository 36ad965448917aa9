"""Plane geometry that gives the same bits on every machine: a sine, similarity transforms, cut-out shapes.

IEEE 754 fixes the result of one addition, subtraction, multiplication, division, square root or floor. It does not
fix `sin` or `cos` (each C library rounds its own way), nor a sum whose order or fusing is left to a compiler. So this
package does one such operation at a time, writes its own sine, keeps clear of complex numbers (their product is one
C expression, which some compilers fuse), and never sums along an array's axis.

Conventions: x grows to the right, y downwards, the centre of the top left pixel is (0, 0), unit is the frame pixel.
Angles are turns (1.0 = full circle, clockwise on screen). Arrays are float64 of any one shape.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_TWO_PI = 6.283185307179586


def sine(turns: float) -> float:
    """Sine of an angle in turns, by Taylor series: right to 1e-15, exact at quarter turns, the same everywhere."""
    turns = turns - math.floor(turns + 0.5)
    if abs(turns) > 0.25:
        turns = math.copysign(0.5, turns) - turns
    if abs(turns) <= 0.125:
        return _taylor(_TWO_PI * turns, _TWO_PI * turns, start=2)
    return math.copysign(_taylor(1.0, _TWO_PI * (0.25 - abs(turns)), start=1), turns)


def _taylor(first: float, x: float, *, start: int) -> float:
    """Sum of the series of sine (first term x, start 2) or cosine (1, start 1), for |x| up to pi / 4."""
    term = total = first
    for n in range(start, 20, 2):  # the next term is below 1e-20: it would change nothing
        term = -term * x * x / (n * (n + 1))
        total = total + term
    return total


def cosine(turns: float) -> float:
    """Cosine of an angle in turns."""
    return sine(turns + 0.25)


@dataclass(frozen=True)
class Similarity:
    """The map (x, y) -> (a x - b y + dx, b x + a y + dy): rotation and zoom (a, b), then translation."""

    a: float
    b: float
    dx: float
    dy: float

    @classmethod
    def of(cls, zoom: float, turns: float, shift: tuple[float, float]) -> Similarity:
        """Zoom and rotate about the origin, then shift."""
        return cls(zoom * cosine(turns), zoom * sine(turns), shift[0], shift[1])

    @property
    def zoom(self) -> float:
        """Length of the image of a unit vector."""
        return math.sqrt(self.a * self.a + self.b * self.b)

    def apply(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Map points; x and y have one shape, so have the results."""
        return self.a * x - self.b * y + self.dx, self.b * x + self.a * y + self.dy

    def after(self, first: Similarity) -> Similarity:
        """The map that applies `first`, then this one."""
        return Similarity(
            self.a * first.a - self.b * first.b,
            self.a * first.b + self.b * first.a,
            self.a * first.dx - self.b * first.dy + self.dx,
            self.b * first.dx + self.a * first.dy + self.dy,
        )

    def inverse(self) -> Similarity:
        """The map that undoes this one."""
        square = self.a * self.a + self.b * self.b
        a, b = self.a / square, -self.b / square
        return Similarity(a, b, b * self.dy - a * self.dx, -b * self.dx - a * self.dy)


@dataclass(frozen=True)
class Ellipse:
    """An ellipse about the origin, half axes in pixels."""

    half_width: float
    half_height: float
    kind: Literal["ellipse"] = "ellipse"

    def distance(self, x: Array, y: Array) -> Array:
        """Signed distance to the edge, negative inside; first order, exact on the edge and for a circle."""
        a, b = self.half_width, self.half_height
        radius = _length(x / a, y / b)
        slope = _length(x / (a * a), y / (b * b))
        # radius / slope lies between the half axes; the bound keeps 0 / 0 at the centre out.
        return (radius - 1.0) * np.maximum(radius / np.maximum(slope, 1e-9), min(a, b))


@dataclass(frozen=True)
class RoundedBox:
    """A box about the origin with rounded corners, half sides and corner radius in pixels."""

    half_width: float
    half_height: float
    corner: float
    kind: Literal["rounded-box"] = "rounded-box"

    def distance(self, x: Array, y: Array) -> Array:
        """Signed distance to the edge, negative inside; exact."""
        out_x = np.abs(x) - (self.half_width - self.corner)
        out_y = np.abs(y) - (self.half_height - self.corner)
        outside = _length(np.maximum(out_x, 0.0), np.maximum(out_y, 0.0))
        return outside + np.minimum(np.maximum(out_x, out_y), 0.0) - self.corner


@dataclass(frozen=True)
class Star:
    """A blob with lobes about the origin: r(angle) = radius (1 + depth cos(lobes angle)) / (1 + depth)."""

    radius: float
    lobes: int
    depth: float
    kind: Literal["star"] = "star"

    def distance(self, x: Array, y: Array) -> Array:
        """Signed distance to the edge, negative inside; first order, exact on the edge."""
        r = _length(x, y)
        unit_x, unit_y = x / np.maximum(r, 1e-9), y / np.maximum(r, 1e-9)
        cos_n, sin_n = unit_x, unit_y
        for _ in range(self.lobes - 1):  # de Moivre: (cos + i sin)**lobes without any angle
            cos_n, sin_n = cos_n * unit_x - sin_n * unit_y, cos_n * unit_y + sin_n * unit_x
        unit = self.radius / (1.0 + self.depth)
        edge = unit * (1.0 + self.depth * cos_n)
        slope = unit * self.depth * self.lobes * sin_n / edge
        return (r - edge) / np.sqrt(1.0 + slope * slope)


Shape = Ellipse | RoundedBox | Star


def _length(x: Array, y: Array) -> Array:
    return np.sqrt(x * x + y * y)  # not hypot: it is a library function and rounds as the library likes
