"""`harness compare A B`: which runs are compared, what is refused, and what the numbers allow one to say.

Refused are runs under different signatures and clips whose ground truth is not the same: their differences would not
be differences between methods. A test a metric and dataset is made on clips; its p is corrected over all of them
(Holm). What counts every frame alike, clustered by clip, is shown beside it and decides nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from harness.errors import UsageError
from harness.metrics import metric_info
from harness.names import suggest
from harness.records.statistics import ALPHA, PairedResult, compare_paired, holm, pair_clips
from harness.records.summary import FrameChoice
from harness.reports.columns import in_order
from harness.reports.measured import ColumnSignature, RunLike, average_rule, column_signature, preference


@dataclass(frozen=True)
class Comparison:
    """A against B on one metric of one dataset."""

    dataset: str
    title: str
    metric: str
    signature: ColumnSignature
    by_clip: PairedResult
    by_frame: PairedResult
    holm_p: float = 1.0
    smallest_holm_p: float = 1.0

    @property
    def can_decide(self) -> bool:
        """Some outcome on this many clips, corrected for all tests at hand, would be significant."""
        return self.smallest_holm_p <= ALPHA


@dataclass(frozen=True)
class Report:
    """Everything that `harness compare` says.

    Args:
        a: what A is called.
        b: what B is called.
        comparisons: datasets, and metrics within them.
        left_out: by dataset, the clips that are not compared, each with the reason.
        runs: what was compared, in words, one line a dataset.
        seed: of everything random.
        frames: which frames counted.
    """

    a: str
    b: str
    comparisons: tuple[Comparison, ...]
    left_out: dict[str, tuple[str, ...]]
    runs: tuple[str, ...]
    seed: int = 0
    frames: FrameChoice = "all"


def find_pairs(
    a: str,
    b: str,
    *,
    runs: Sequence[RunLike],
    datasets: Sequence[str] = (),
    rate: int | None = None,
    protocol: str | None = None,
) -> tuple[tuple[RunLike, RunLike], ...]:
    """The runs to compare: one pair a dataset.

    Args:
        a: a method, `NAME@WEIGHTS`, or the folder of a run.
        b: another one.
        runs: all runs of the store.
        datasets: wanted; default: all on which both were measured.
        rate: temporal factor; default: any that both have, 2 first.
        protocol: whose rules; default: any that both have.

    Raises:
        UsageError: nothing of A or B, or nothing of both that may be compared.
    """
    trained = [
        run
        for run in runs
        if not run.header.untrained and rate in (None, run.header.rate) and protocol in (None, run.header.protocol)
    ]
    found = {name: _named(name, trained, runs) for name in (a, b)}
    common = [name for name in dict.fromkeys(_datasets(found[a])) if name in set(_datasets(found[b]))]
    for name in datasets:
        if name not in common:
            raise UsageError(
                f"'{a}' and '{b}' cannot be compared on '{name}'.",
                found="no runs of both there" + (f" ({suggest(name, common)})" if common else ""),
                todo=f"harness run --method {a} --method {b} --dataset {name}",
            )
    if not common:
        raise UsageError(f"'{a}' and '{b}' were never measured on the same dataset.", todo="harness run both on one.")
    return tuple(_best_pair(found[a], found[b], dataset) for dataset in (tuple(dict.fromkeys(datasets)) or common))


def compare_runs(
    pairs: Sequence[tuple[RunLike, RunLike]],
    *,
    metrics: Sequence[str] = (),
    frames: FrameChoice = "all",
    seed: int = 0,
) -> Report:
    """Paired statistics of A against B on every dataset and metric.

    Args:
        pairs: A's run and B's, one pair a dataset.
        metrics: default: all that both runs have.
        frames: all, those that were given, or those that were interpolated.
        seed: of the bootstrap and of sampled sign flips.

    Raises:
        UsageError: different signatures, different ground truth, no common clip, or an unknown metric.
    """
    comparisons = []
    for a, b in pairs:
        _check_same_clips(a, b)
        for metric in _metrics(a, b, metrics):
            comparisons.append(_compare(a, b, metric, frames=frames, seed=seed))
    corrected = holm([one.by_clip.p for one in comparisons])
    best_case = holm([one.by_clip.smallest_p for one in comparisons])
    comparisons = [
        replace(one, holm_p=p, smallest_holm_p=least)
        for one, p, least in zip(comparisons, corrected, best_case, strict=True)
    ]
    first, second = pairs[0]
    names = [_name(first), _name(second)]
    if names[0] == names[1]:
        names = [f"{name} ({label})" for name, label in zip(names, "AB", strict=True)]
    return Report(
        a=names[0],
        b=names[1],
        comparisons=tuple(comparisons),
        left_out={a.header.dataset: _left_out(a, b) for a, b in pairs},
        runs=tuple(f"{a.header.dataset_title}: A is {_in_words(a)}; B is {_in_words(b)}" for a, b in pairs),
        seed=seed,
        frames=frames,
    )


def _named(name: str, trained: Sequence[RunLike], runs: Sequence[RunLike]) -> list[RunLike]:
    if (Path(name) / "run.json").is_file():
        wanted = Path(name).resolve()
        found = [
            run
            for run in trained
            if isinstance(folder := getattr(run, "folder", None), Path) and folder.resolve() == wanted
        ]
    else:
        found = [run for run in trained if name in (run.header.method, run.header.method.partition("@")[0])]
    if not found:
        untrained = any(run.header.untrained and run.header.method == name for run in runs)
        measured = {run.header.method for run in trained}
        raise UsageError(
            f"Runs of '{name}' are wanted.",
            found="only runs with untrained weights" if untrained else "none that fit",
            todo=suggest(name, measured) if measured else f"harness run --method {name} …",
        )
    return found


def _datasets(runs: Iterable[RunLike]) -> list[str]:
    return [run.header.dataset for run in runs]


def _best_pair(a: Sequence[RunLike], b: Sequence[RunLike], dataset: str) -> tuple[RunLike, RunLike]:
    """The most complete fp32 runs under one signature."""
    ours, theirs = ([run for run in side if run.header.dataset == dataset] for side in (a, b))
    allowed = [
        (one, other)
        for one, other in product(ours, theirs)
        if one.header.rate == other.header.rate and _shared_metrics(one, other) and one.header.key != other.header.key
    ]
    if not allowed:
        raise UsageError(
            f"The runs on '{dataset}' stand under different signatures, so their numbers cannot be compared.",
            found="; against ".join(sorted({run.header.signature for run in (ours[0], theirs[0])})),
            todo="run both under one protocol, rate and window.",
        )
    return min(allowed, key=lambda pair: (pair[0].header.rate != 2, preference(pair[0]), preference(pair[1])))


def _shared_metrics(a: RunLike, b: RunLike) -> list[str]:
    both = [metric for metric in a.header.metrics if metric in b.header.metrics]
    return [name for name in both if column_signature(a.header, name) == column_signature(b.header, name)]


def _metrics(a: RunLike, b: RunLike, wanted: Sequence[str]) -> list[str]:
    shared = in_order(_shared_metrics(a, b))
    for name in wanted:
        metric_info(name)
        if name not in shared:
            raise UsageError(
                f"'{name}' of these runs on '{a.header.dataset}' cannot be compared.",
                found=f"A: {a.header.signature}; B: {b.header.signature}",
                todo=f"harness run both with --metric {name}",
            )
    return list(dict.fromkeys(wanted)) or shared


def _check_same_clips(a: RunLike, b: RunLike) -> None:
    common = [name for name, line in a.lines.items() if line.status == "done" and _done(b, name)]
    if not common:
        raise UsageError(
            f"The runs on '{a.header.dataset}' have no clip in common.",
            found=f"A has done {len(a.lines)} clips, B {len(b.lines)}",
            todo="harness run both on the same clips.",
        )
    for name in common:
        ours, theirs = a.lines[name], b.lines[name]
        if ours.pixels and theirs.pixels and ours.pixels != theirs.pixels:
            raise UsageError(
                f"The ground truth of '{name}' is not the same in both runs, so their scores cannot be compared.",
                found=f"pixels {ours.pixels[:12]}… and {theirs.pixels[:12]}…",
                todo=f"harness data check {a.header.dataset}, then run both on the right copy.",
            )
        if ours.frames != theirs.frames:
            raise UsageError(
                f"Other frames of '{name}' were scored in one run than in the other.",
                found=f"{len(ours.frames)} and {len(theirs.frames)} frames",
                todo="run both under one protocol.",
            )


def _compare(a: RunLike, b: RunLike, metric: str, *, frames: FrameChoice, seed: int) -> Comparison:
    pairs = pair_clips(a.lines.values(), b.lines.values(), metric, frames=frames)
    higher, rule = metric_info(metric).higher_is_better, average_rule(a.header)
    return Comparison(
        dataset=a.header.dataset,
        title=a.header.dataset_title,
        metric=metric,
        signature=column_signature(a.header, metric),
        by_clip=compare_paired(pairs, higher_is_better=higher, rule=rule, seed=seed),
        by_frame=compare_paired(pairs, higher_is_better=higher, unit="frames", seed=seed),
    )


def _left_out(a: RunLike, b: RunLike) -> tuple[str, ...]:
    clips = dict.fromkeys((*a.header.clips, *b.header.clips))
    sides = {clip: [_state(run, clip, label) for run, label in ((a, "A"), (b, "B"))] for clip in clips}
    return tuple(f"{clip} ({', '.join(filter(None, why))})" for clip, why in sides.items() if any(why))


def _state(run: RunLike, clip: str, label: str) -> str:
    line = run.lines.get(clip)
    return f"not run in {label}" if line is None else f"failed in {label}" if line.status == "failed" else ""


def _done(run: RunLike, clip: str) -> bool:
    line = run.lines.get(clip)
    return line is not None and line.status == "done"


def _name(run: RunLike) -> str:
    _, at, tag = run.header.method.partition("@")
    return run.header.method_title + (f" ({tag})" if at else "")


def _in_words(run: RunLike) -> str:
    return f"{run.header.method}, {run.header.precision} on {run.header.device}, record {run.header.key[:10]}"
