"""From runs to cells where trainings differ in their seed: means, and differences paired by seed.

Averages stand on the same clips or not at all: of the runs of a row, those that have done most clips count, the same
ones in each; the others are named. A difference to the full row is taken seed by seed, so that what a seed does to
both (the same first weights where they share layers, the same crops in the same order) falls out of it.

Is a difference more than chance? The spread of the differences over seeds says something from three seeds on; it is
no test. What clips say (`over_clips`) is one: frame scores are averaged over seeds, then compared as by `harness
compare`. Clips know nothing of how another training would turn out, and seeds nothing of other clips.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.metrics import metric_info
from harness.records.schema import ClipLine
from harness.records.seeds import Seeds
from harness.records.summary import coverage, mean
from harness.reports.measured import RunLike, average_rule, measured_cell
from harness.reports.model import Cell, Column, OverClips, printed, signed

WITHIN = "within the spread of the seeds: |Δ| is not larger than its standard deviation"
LEAST_SEEDS = 3
"""From how many seeds on a spread says something."""


@dataclass(frozen=True)
class Scored:
    """A row in one column: what each of its seeds scored.

    Args:
        runs: by seed; those that count.
        values: their averages, by seed.
        clips: which all of them have done.
        missing: why the other seeds have no value, by seed.
        cell: of the first run: coverage and signature.
        notes: on the choice of runs.
    """

    runs: Mapping[int, RunLike] = field(default_factory=dict)
    values: Mapping[int, float] = field(default_factory=dict)
    clips: frozenset[str] = frozenset()
    missing: Mapping[int, str] = field(default_factory=dict)
    cell: Cell = field(default_factory=lambda: Cell.empty(""))
    notes: tuple[str, ...] = ()

    @property
    def planned(self) -> frozenset[int]:
        """All seeds of the row."""
        return frozenset((*self.values, *self.missing))

    @property
    def lacks(self) -> str:
        """Why seeds are missing, in words: `seeds 1, 2: not measured yet`."""
        reasons: dict[str, list[int]] = {}
        for seed, reason in self.missing.items():
            reasons.setdefault(reason, []).append(seed)
        if not self.values and len(reasons) == 1:
            return next(iter(reasons))
        return "; ".join(f"{_seeds(seeds)}: {reason}" for reason, seeds in reasons.items())


def score(found: Mapping[int, tuple[RunLike, tuple[str, ...]] | str], column: Column) -> Scored:
    """What the seeds of a row scored.

    Args:
        found: by seed, its run with notes on the choice, or the reason why there is none.
        column: of the metric.
    """
    runs = {seed: one[0] for seed, one in found.items() if not isinstance(one, str)}
    cells = {seed: measured_cell(run, column) for seed, run in runs.items()}
    clips = {seed: _done(run) for seed, run in runs.items() if cells[seed].value is not None}
    most = max(clips.values(), key=len, default=frozenset())
    values = {
        seed: value for seed, cell in cells.items() if (value := cell.value) is not None and clips[seed] == most
    }
    missing = {seed: one if isinstance(one, str) else _lack(one[0], cells[seed]) for seed, one in found.items()}
    notes = [f"seed {seed}: {note}" for seed, one in found.items() if seed in values for note in one[1]]
    return Scored(
        runs={seed: runs[seed] for seed in values},
        values=values,
        clips=most,
        missing={seed: reason for seed, reason in missing.items() if seed not in values},
        cell=cells[next(iter(values))] if values else Cell.empty(""),
        notes=tuple(notes),
    )


def mean_cell(row: Scored, column: Column, *, budget: str) -> Cell:
    """The mean over seeds. It may be marked when every seed has done the whole benchmark."""
    if not row.values:
        return Cell.empty(row.lacks)
    seeds = Seeds(row.values, len(row.planned))
    some = () if seeds.complete else (f"{len(seeds.values)} of {seeds.expected} seeds ({row.lacks})",)
    return Cell(
        value=seeds.mean,
        text=printed(seeds.mean, column.decimals),
        notes=(*row.cell.notes, *some, *row.notes),
        rankable=row.cell.rankable and seeds.complete,
        done=row.cell.done,
        expected=row.cell.expected,
        signature=f"{row.cell.signature}|{budget}",
        seeds=seeds,
        spread=_spread(seeds, column),
    )


def difference_cell(row: Scored, full: Scored, column: Column) -> Cell:
    """Row minus full row, the mean of the differences seed by seed.

    Args:
        row: under one metric.
        full: what it is compared with, under the same.
        column: of the differences.
    """
    expected = row.planned & full.planned
    both = sorted(row.values.keys() & full.values.keys())
    values = {
        seed: row.values[seed] - full.values[seed]
        for seed in both
        if math.isfinite(row.values[seed]) and math.isfinite(full.values[seed])
    }
    if not values:
        return Cell.empty(_why_no_difference(row, full))
    if row.clips != full.clips:
        return Cell.empty("done on other clips than the full row")
    seeds = Seeds(values, len(expected))
    some = () if seeds.complete else (f"paired over {len(values)} of {len(expected)} seeds",)
    spread = seeds.deviation
    within = spread is not None and len(values) >= LEAST_SEEDS and abs(seeds.mean) <= spread
    return Cell(
        value=seeds.mean,
        text=signed(seeds.mean, column.decimals),
        notes=(*some, *((WITHIN,) if within else ())),
        rankable=row.cell.rankable and full.cell.rankable and seeds.complete,
        done=row.cell.done,
        expected=row.cell.expected,
        seeds=seeds,
        spread=_spread(seeds, column),
    )


def over_clips(row: Scored, full: Scored, metric: str) -> OverClips:
    """What clips say of a difference, frame scores averaged over the seeds that both rows have (at least one)."""
    from harness.records.statistics import compare_paired, pair_clips  # noqa: PLC0415

    both = sorted(row.runs.keys() & full.runs.keys())
    ours, theirs = (averaged([one.runs[seed] for seed in both], metric) for one in (row, full))
    result = compare_paired(
        pair_clips(ours, theirs, metric),
        higher_is_better=metric_info(metric).higher_is_better,
        rule=average_rule(row.runs[both[0]].header),
    )
    return OverClips(result.clips, result.interval, result.p)


def averaged(runs: Sequence[RunLike], metric: str) -> tuple[ClipLine, ...]:
    """The clips that all runs have done, each frame with its mean score; frames that one run lacks have none."""
    first, *others = runs
    lines = []
    for clip in (line for line in first.lines.values() if line.status == "done"):
        same = [clip, *(run.lines[clip.clip] for run in others if clip.clip in run.lines)]
        scores = [dict(zip(line.frames, line.scores.get(metric, ()), strict=False)) for line in same]
        if len(same) == len(runs) and all(scores):
            means = tuple(_mean_of([one.get(frame) for one in scores]) for frame in clip.frames)
            lines.append(clip.model_copy(update={"scores": {metric: means}}))
    return tuple(lines)


def _mean_of(scores: Iterable[float | None]) -> float | None:
    listed = list(scores)
    return None if any(score is None for score in listed) else mean(score for score in listed if score is not None)


def _done(run: RunLike) -> frozenset[str]:
    return frozenset(clip for clip in run.header.clips if clip in run.lines and run.lines[clip].status == "done")


def _lack(run: RunLike, cell: Cell) -> str:
    if cell.value is None:
        return "; ".join(cell.notes)
    return coverage(run.lines.values(), run.header.clips).words


def _why_no_difference(row: Scored, full: Scored) -> str:
    if not row.values:
        return row.lacks
    if not full.values:
        return f"nothing to compare with; the full row: {full.lacks}"
    if row.values.keys() & full.values.keys():
        return "no finite difference"
    return "no seed in common with the full row"


def _spread(seeds: Seeds, column: Column) -> str:
    return "" if seeds.deviation is None else f" ± {printed(seeds.deviation, column.decimals)}"


def _seeds(listed: Sequence[int]) -> str:
    return f"seed{'s' if len(listed) > 1 else ''} {', '.join(map(str, listed))}"
