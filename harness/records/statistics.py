"""Is A really better than B? Paired statistics on the scores of the same frames.

The clip is the unit that is resampled and flipped: frames of one clip resemble each other, so a test that took them
for independent would find differences that are not there. A statistic is a weighted mean over clips,
`sum(sums) / sum(weights)`: with weight 1 a clip it is the mean of clip means, with the number of frames as weight
the mean over frames clustered by clip, with 1 / (clips of the folder) the mean of folder means.

Interval: bias-corrected and accelerated bootstrap over clips (B. Efron, Better Bootstrap Confidence Intervals, JASA
1987; the acceleration from the jackknife). p: two-sided sign-flip test (R. A. Fisher, The Design of Experiments,
1935), exact by enumeration up to 16 clips, else 9,999 seeded draws with the observed one counted in (B. Phipson and
G. K. Smyth, 2010). Several tests: S. Holm's step-down correction (1979). Everything is deterministic given the seed.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

from harness.records.schema import ClipLine
from harness.records.summary import AverageRule, FrameChoice, frame_scores, mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Unit = Literal["clips", "frames"]

EXACT_CLIPS = 16
DRAWS = 9_999
LEVEL = 0.95
ALPHA = 0.05
_CHUNK = 2_000_000
"""Random numbers held at once: 16 MB, whatever the number of clips."""


@dataclass(frozen=True)
class PairedClip:
    """One clip under both systems, frame by frame: `a[i]` and `b[i]` are scores of the same frame."""

    clip: str
    group: str
    a: tuple[float, ...]
    b: tuple[float, ...]

    @property
    def differences(self) -> tuple[float, ...]:
        """The differences a - b, frame by frame. Equal scores differ by 0, infinite ones too; one alone gives inf."""
        return tuple(0.0 if x == y else x - y for x, y in zip(self.a, self.b, strict=True))

    @property
    def finite(self) -> bool:
        """No frame is infinite in one system only."""
        return all(map(math.isfinite, self.differences))


@dataclass(frozen=True)
class Tally:
    """Where A is better, where B is, and where they are equal."""

    wins: int
    losses: int
    ties: int


@dataclass(frozen=True)
class PairedResult:
    """A against B on one metric of one benchmark.

    Args:
        unit: `clips`: every clip counts alike; `frames`: every frame does, clustered by clip.
        clips: clips that were compared.
        frames: frames that were compared.
        mean_a: A's mean over them, `mean_b`: B's.
        difference: mean of the paired differences A - B.
        interval: bootstrap interval of the difference at `LEVEL`; None with fewer than two clips.
        p: two-sided p that the sign of the difference is chance.
        smallest_p: the smallest p that any test of this many clips could give.
        tally: wins, losses and ties of A, counted in `unit`; the direction of the metric is taken into account.
        left_out: clips whose difference is infinite (PSNR of identical frames in one system only).
    """

    unit: Unit
    clips: int
    frames: int
    mean_a: float
    mean_b: float
    difference: float
    interval: tuple[float, float] | None
    p: float
    smallest_p: float
    tally: Tally
    left_out: tuple[str, ...] = ()


def smallest_p(clips: int) -> float:
    """The smallest two-sided p that a paired test on so many clips can reach: 2 / 2**clips.

    >>> smallest_p(4)
    0.125
    """
    return min(1.0, 2.0 ** (1 - clips))


def pair_clips(
    a: Iterable[ClipLine], b: Iterable[ClipLine], metric: str, *, frames: FrameChoice = "all"
) -> tuple[PairedClip, ...]:
    """The clips that both have done, with the frames that both have scored; in A's order."""
    others = {line.clip: line for line in b}
    paired = []
    for line in a:
        if line.clip not in others:
            continue
        scores_a = frame_scores(line, metric, frames=frames)
        scores_b = frame_scores(others[line.clip], metric, frames=frames)
        both = sorted(scores_a.keys() & scores_b.keys())
        if both:
            values_a, values_b = (tuple(scores[index] for index in both) for scores in (scores_a, scores_b))
            paired.append(PairedClip(line.clip, line.group, values_a, values_b))
    return tuple(paired)


def compare_paired(
    pairs: Sequence[PairedClip],
    *,
    higher_is_better: bool,
    unit: Unit = "clips",
    rule: AverageRule = "frames>clips",
    seed: int = 0,
    draws: int = DRAWS,
) -> PairedResult:
    """Everything that can be said of A against B from these clips.

    Args:
        pairs: from `pair_clips`.
        higher_is_better: the metric's direction; it decides who wins, never the sign of the difference.
        unit: what counts alike, clips or frames.
        rule: the protocol's averaging, for unit `clips`.
        seed: of the bootstrap and of sampled sign flips.
        draws: bootstrap samples, and sampled sign flips.
    """
    import numpy as np  # noqa: PLC0415

    finite = [pair for pair in pairs if pair.finite]
    weights = np.array(_weights(finite, unit=unit, rule=rule), dtype=np.float64)
    sums = weights * np.array([mean(pair.differences) for pair in finite], dtype=np.float64)
    everywhere = _weights(pairs, unit=unit, rule=rule)
    return PairedResult(
        unit=unit,
        clips=len(finite),
        frames=sum(len(pair.a) for pair in finite),
        mean_a=_weighted_mean([mean(pair.a) for pair in pairs], everywhere),
        mean_b=_weighted_mean([mean(pair.b) for pair in pairs], everywhere),
        difference=math.fsum(sums) / math.fsum(weights) if finite else math.nan,
        interval=bootstrap_interval(sums, weights, seed=seed, draws=draws),
        p=sign_flip_p(sums, seed=seed, draws=draws),
        smallest_p=smallest_p(len(finite)),
        tally=_tally(pairs, unit=unit, higher_is_better=higher_is_better),
        left_out=tuple(pair.clip for pair in pairs if not pair.finite),
    )


def bootstrap_interval(
    sums: "Floats", weights: "Floats", *, level: float = LEVEL, seed: int = 0, draws: int = DRAWS
) -> tuple[float, float] | None:
    """BCa interval of `sum(sums) / sum(weights)` when whole clips are drawn again with replacement.

    Args:
        sums: (clips,) weighted differences.
        weights: (clips,) positive weights.
        level: coverage.
        seed: of the draws.
        draws: bootstrap samples.

    Returns:
        Low and high end; None with fewer than two clips, because one clip says nothing of others.
    """
    import numpy as np  # noqa: PLC0415

    clips = len(sums)
    if clips < 2:
        return None
    observed = float(sums.sum() / weights.sum())
    rng = np.random.default_rng(seed)
    samples = np.concatenate(
        [
            sums[index].sum(axis=1) / weights[index].sum(axis=1)
            for index in (rng.integers(0, clips, size=(rows, clips)) for rows in _chunks(draws, clips))
        ]
    )
    left_out = (sums.sum() - sums) / (weights.sum() - weights)
    low, high = np.quantile(samples, _bca_levels(samples, observed, left_out, level=level))
    return float(low), float(high)


def sign_flip_p(sums: "Floats", *, seed: int = 0, draws: int = DRAWS) -> float:
    """Two-sided p of the sign-flip test: how often random signs give a sum at least as far from 0.

    Args:
        sums: (clips,) weighted differences; under the null hypothesis each is as likely with the other sign.
        seed: of the sampled flips, used for more than `EXACT_CLIPS` clips that differ.
        draws: sampled flips.
    """
    import numpy as np  # noqa: PLC0415

    moving = sums[sums != 0]  # flipping a zero changes nothing
    clips = len(moving)
    if clips == 0:
        return 1.0
    # Sums in another order differ in the last bits: what is equal within them counts as equal.
    threshold = abs(moving.sum()) - 1e-9 * np.abs(moving).sum()
    if clips <= EXACT_CLIPS:
        bits = (np.arange(2**clips)[:, None] >> np.arange(clips)) & 1
        return float(np.mean(np.abs((1 - 2 * bits) @ moving) >= threshold))
    rng = np.random.default_rng(seed)
    extreme = 0
    for rows in _chunks(draws, clips):
        # Flipping the signs of those that are drawn subtracts them twice.
        drawn = rng.integers(0, 2, size=(rows, clips), dtype=np.int8).astype(np.float64) @ moving
        extreme += int(np.count_nonzero(np.abs(moving.sum() - 2 * drawn) >= threshold))
    return (1 + extreme) / (1 + draws)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """P values corrected for being several, after Holm; in the given order.

    >>> [round(p, 6) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda position: p_values[position])):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = running
    return tuple(corrected)


def _weights(pairs: Sequence[PairedClip], *, unit: Unit, rule: AverageRule) -> list[float]:
    if unit == "frames":
        return [float(len(pair.a)) for pair in pairs]
    if rule == "frames>clips":
        return [1.0] * len(pairs)
    clips = Counter(pair.group for pair in pairs)
    return [1.0 / clips[pair.group] for pair in pairs]


def _weighted_mean(values: Sequence[float], weights: Sequence[float]) -> float:
    if not values:
        return math.nan
    return math.fsum(value * weight for value, weight in zip(values, weights, strict=True)) / math.fsum(weights)


def _tally(pairs: Sequence[PairedClip], *, unit: Unit, higher_is_better: bool) -> Tally:
    if unit == "clips":
        values = [mean(pair.differences) for pair in pairs]
    else:
        values = [difference for pair in pairs for difference in pair.differences]
    above, below = sum(value > 0 for value in values), sum(value < 0 for value in values)
    wins, losses = (above, below) if higher_is_better else (below, above)
    return Tally(wins, losses, len(values) - above - below)


def _bca_levels(samples: "Floats", observed: float, left_out: "Floats", *, level: float) -> list[float]:
    """The quantiles of the bootstrap samples that bound the interval; the plain percentiles where nothing varies."""
    import numpy as np  # noqa: PLC0415

    normal = NormalDist()
    tails = ((1 - level) / 2, (1 + level) / 2)
    scatter = left_out.mean() - left_out
    spread = float((scatter**2).sum())
    if spread == 0:
        return list(tails)
    below = float(np.mean(samples < observed) + np.mean(samples == observed) / 2)
    bias = normal.inv_cdf(min(max(below, 0.5 / len(samples)), 1 - 0.5 / len(samples)))
    acceleration = float((scatter**3).sum()) / (6 * spread**1.5)
    shifted = [bias + normal.inv_cdf(tail) for tail in tails]
    return [normal.cdf(bias + shift / (1 - acceleration * shift)) for shift in shifted]


def _chunks(draws: int, clips: int) -> Iterator[int]:
    rows = max(1, _CHUNK // max(1, clips))
    for start in range(0, draws, rows):
        yield min(rows, draws - start)
