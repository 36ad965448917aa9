"""Which crop a network sees: a function of (seed, iteration, position in the batch) and of nothing else.

The rate of an iteration, where a recipe names several, is one of (seed, iteration).

There is no state: whatever the number of processes and workers, and however often a run was stopped and continued,
crop b of iteration i is the same. Each draw has a random generator of its own, seeded by the three numbers.

Source: Sec. IV-B (Yue, Shi, Ding, 2022): random crops, flipped, mirrored, rotated by 180 degrees.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from harness.errors import DataError

Extent = tuple[int, int, int]
"""Frames, height and width of a clip; the sizes in LR pixels."""


@dataclass(frozen=True)
class Draw:
    """One crop of a clip.

    Args:
        clip: its index.
        start: its first frame.
        top, left: its corner, LR pixels.
        mirror: left and right exchanged.
        flip: top and bottom exchanged; with `mirror`, a turn by 180 degrees.
        reverse: played backwards.
        transpose: rows and columns exchanged, after all else.
    """

    clip: int
    start: int
    top: int
    left: int
    mirror: bool
    flip: bool
    reverse: bool
    transpose: bool = False


class Sampler:
    """Draws crops; every window of consecutive frames of every clip is equally likely.

    Args:
        extents: of all clips.
        names: of all clips.
        frames: T, consecutive frames of a crop.
        crop: its side, LR pixels.
        seed: another seed, other crops.
        reverse_time: play half of them backwards.
        transpose: exchange rows and columns of half of them.

    Raises:
        DataError: a clip is shorter or smaller than a crop.
    """

    def __init__(
        self,
        extents: Sequence[Extent],
        names: Sequence[str],
        *,
        frames: int,
        crop: int,
        seed: int,
        reverse_time: bool,
        transpose: bool = False,
    ) -> None:
        for name, extent in zip(names, extents, strict=True):
            if extent[0] < frames or min(extent[1:]) < crop:
                raise DataError(
                    f"A crop has {frames} frames of {crop}x{crop} LR pixels.",
                    found=f"the clip '{name}' has {extent[0]} frames of {extent[2]}x{extent[1]} LR pixels",
                    todo="remove the clip, or lower recipe.input_frames or recipe.crop",
                )
        self._extents = list(extents)
        self._ends = list(accumulate(extent[0] - frames + 1 for extent in extents))
        self._frames, self._crop, self._seed = frames, crop, seed
        self._reverse_time, self._transpose = reverse_time, transpose

    def rate(self, iteration: int, rates: Sequence[int]) -> int:
        """The rate of `iteration`, for all of its crops: one of `rates`, each equally likely."""
        # Without the key this generator would be that of the first crop: missing numbers count as zeros.
        random = np.random.default_rng(np.random.SeedSequence((self._seed, iteration), spawn_key=(0,)))
        return rates[int(random.integers(len(rates)))]

    def draw(self, iteration: int, position: int) -> Draw:
        """Crop `position` of the batch of `iteration`."""
        random = np.random.default_rng((self._seed, iteration, position))
        window = int(random.integers(self._ends[-1]))
        clip = int(np.searchsorted(self._ends, window, side="right"))
        count, height, width = self._extents[clip]
        # All are drawn always, so that one option does not change what follows.
        top, left = (int(random.integers(side - self._crop + 1)) for side in (height, width))
        mirror, flip, reverse = (bool(coin) for coin in random.integers(2, size=3))
        reverse, transpose = reverse and self._reverse_time, bool(random.integers(2)) and self._transpose
        start = window - (self._ends[clip] - (count - self._frames + 1))
        return Draw(clip, start, top, left, mirror, flip, reverse, transpose)
