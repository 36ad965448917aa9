"""Where the comparison picture looks: the square in which the methods differ most on something that has structure.

Frames are (H, W, 3) uint8 RGB. An error map is the mean absolute difference over the colours, in 8-bit levels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Frame = NDArray[np.uint8]
    Plane = NDArray[np.float64]


Value = TypeVar("Value", bound="np.generic")


@dataclass(frozen=True)
class Square:
    """A crop: its left upper corner and its side, pixels."""

    top: int
    left: int
    side: int

    def of(self, frame: "NDArray[Value]") -> "NDArray[Value]":
        """The crop of a frame or of an error map."""
        return frame[self.top : self.top + self.side, self.left : self.left + self.side]


def error_map(prediction: "Frame", truth: "Frame") -> "Plane":
    """(H, W) mean absolute difference over the colours, in [0, 255]."""
    import numpy as np  # noqa: PLC0415

    error: Plane = np.abs(prediction.astype(np.float64) - truth.astype(np.float64)).mean(axis=2)
    return error


def telling_square(truth: "Frame", errors: Sequence["Plane"], *, side: int = 96, step: int = 4) -> Square:
    """The square with most gradient energy of the truth and most spread of the errors over the methods.

    Both are summed over the square and taken relative to the frame's largest, so that neither decides alone. A
    single method has no spread: its error counts instead.

    Args:
        truth: the ground-truth frame.
        errors: one error map a method.
        side: of the square; smaller frames give a smaller one.
        step: between candidate corners, pixels.
    """
    import numpy as np  # noqa: PLC0415

    height, width = truth.shape[:2]
    side = min(side, height, width)
    grey = truth.astype(np.float64).mean(axis=2)
    down, right = np.gradient(grey) if min(grey.shape) > 1 else (np.zeros_like(grey),) * 2
    stack = np.stack(list(errors))
    spread = np.ptp(stack, axis=0) if len(stack) > 1 else stack[0]
    interest = _relative(_sums(np.hypot(down, right), side, step)) + _relative(_sums(spread, side, step))
    row, column = np.unravel_index(int(interest.argmax()), interest.shape)
    return Square(int(row) * step, int(column) * step, side)


def _sums(plane: "Plane", side: int, step: int) -> "Plane":
    """Sums over squares, from a table of cumulative sums."""
    import numpy as np  # noqa: PLC0415

    table = np.pad(plane.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    sums: Plane = table[side:, side:] - table[:-side, side:] - table[side:, :-side] + table[:-side, :-side]
    return sums[::step, ::step]


def _relative(plane: "Plane") -> "Plane":
    return plane / max(float(plane.max()), 1e-12)
