"""One number under several seeds: what a row of a study or a point of a curve shows.

The mean is the plain one, the deviation the sample's (n - 1): how far trainings that differ in nothing but their
seed lie apart. Of infinite values (PSNR of identical frames) there is no deviation.
"""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from harness.records.summary import mean


@dataclass(frozen=True)
class Seeds:
    """Values by seed.

    Args:
        values: by seed, at full precision.
        expected: how many seeds were planned.
    """

    values: Mapping[int, float]
    expected: int

    @property
    def mean(self) -> float:
        """The plain mean; NaN of nothing."""
        return mean(self.values.values())

    @property
    def deviation(self) -> float | None:
        """The sample standard deviation; None of fewer than two values, or of infinite ones."""
        listed = list(self.values.values())
        if len(listed) < 2 or not all(map(math.isfinite, listed)):
            return None
        return statistics.stdev(listed)

    @property
    def complete(self) -> bool:
        """Every planned seed has a value."""
        return len(self.values) == self.expected
