"""Averages derived from frame scores: nothing that a table shows is stored, everything is computed from `ClipLine`s.

The field's rules, as plain means: frames of a clip first, then clips (`frames>clips`), or clips of a folder and then
folders (`frames>clips>folders`, RSTT's). Conventions: a score of None is undefined and skipped; inf stays inf (PSNR
of identical frames); a mean of nothing is NaN. Sums are exact (`math.fsum`), so the order of the lines never shows.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from harness.records.schema import ClipLine

AverageRule = Literal["frames>clips", "frames>clips>folders"]
FrameChoice = Literal["all", "given", "interpolated"]


@dataclass(frozen=True)
class Coverage:
    """How much of a benchmark a run has done.

    Args:
        done: clips with scores.
        failed: clips that were tried and have none.
        expected: clips of the whole benchmark.
    """

    done: int
    failed: int
    expected: int

    @property
    def complete(self) -> bool:
        """Every clip of the benchmark is done: only then is an average the benchmark's."""
        return self.done == self.expected and not self.failed

    @property
    def words(self) -> str:
        """For people: `3 of 1225 clips`, with the failed ones where there are any."""
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.done} of {self.expected} clips{failed}"


def coverage(lines: Iterable[ClipLine], clips: Collection[str]) -> Coverage:
    """What `lines` cover of the benchmark's `clips`; lines of other clips do not count."""
    expected = set(clips)
    status = {line.clip: line.status for line in lines if line.clip in expected}
    failed = sum(1 for value in status.values() if value == "failed")
    return Coverage(done=len(status) - failed, failed=failed, expected=len(expected))


def mean(values: Iterable[float]) -> float:
    """The plain mean; NaN of nothing."""
    listed = list(values)
    return math.fsum(listed) / len(listed) if listed else math.nan


def frame_scores(line: ClipLine, metric: str, *, frames: FrameChoice = "all") -> dict[int, float]:
    """The defined scores of a clip by frame index.

    Args:
        line: one clip; a failed one has no scores.
        metric: as in `RunHeader.metrics`; one that was not computed gives an empty result.
        frames: all of them, those that were inputs, or those that were interpolated.
    """
    if line.status == "failed":
        return {}
    given = line.given or (False,) * len(line.frames)
    return {
        index: score
        for index, was_given, score in zip(line.frames, given, line.scores.get(metric, ()), strict=False)
        if score is not None and not math.isnan(score) and (frames == "all" or was_given == (frames == "given"))
    }


def clip_means(lines: Iterable[ClipLine], metric: str, *, frames: FrameChoice = "all") -> dict[str, float]:
    """The mean over frames of every clip that has at least one defined score."""
    scored = {line.clip: frame_scores(line, metric, frames=frames) for line in lines}
    return {clip: mean(scores.values()) for clip, scores in scored.items() if scores}


def average(lines: Iterable[ClipLine], metric: str, rule: AverageRule, *, frames: FrameChoice = "all") -> float:
    """The number of a table's cell.

    Args:
        lines: the latest line of each clip.
        metric: as in `RunHeader.metrics`.
        rule: the protocol's order of means; folders are `ClipLine.group`.
        frames: which frames count.

    Returns:
        The mean; inf when a counted frame is inf, NaN when no frame has a score.
    """
    listed = list(lines)
    means = clip_means(listed, metric, frames=frames)
    if rule == "frames>clips":
        return mean(means.values())
    folders: dict[str, list[float]] = defaultdict(list)
    for line in listed:
        if line.clip in means:
            folders[line.group].append(means[line.clip])
    return mean(mean(values) for values in folders.values())
