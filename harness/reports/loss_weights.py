"""The paper's Fig. 7 from records: PSNR and SSIM over each loss weight, while the other one stays where it is.

Averages are those of whole benchmarks under one signature, one a seed. A curve is one value of the other weight; the
first curve of a panel has that of the method's card (or is the longest, where nobody trained with the card's).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.cards.library import CardLibrary
from harness.errors import CardError, UsageError
from harness.records.seeds import Seeds
from harness.records.summary import coverage
from harness.reports.columns import metric_column
from harness.reports.layouts import paper_layouts
from harness.reports.measured import measured_cell
from harness.reports.model import Column
from harness.reports.selection import Selection, signature_lines
from harness.reports.study_runs import budget_of, iterations
from harness.reports.weight_sets import Choice, Records, Trained, Weights, WeightSet, find_set, weight_names
from harness.training.options import training_options

Values = Mapping[Weights, Mapping[str, Mapping[int, float]]]
"""Averages by weights, metric and seed."""


@dataclass(frozen=True)
class Point:
    """One value of a weight: its averages under every seed, by metric."""

    weight: float
    scores: Mapping[str, Seeds]


@dataclass(frozen=True)
class Curve:
    """Points that share the value of the other weight, by rising weight."""

    other: float
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Panel:
    """One weight, the other one, and the curves."""

    weight: str
    other: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class LossWeights:
    """The figure as data.

    Args:
        method: name of the card; `title`: for people.
        dataset: name of the card; `dataset_title`: for people.
        rate: temporal factor.
        columns: the metrics, PSNR first.
        panels: one a weight that was varied.
        signature: protocol, metrics, and the budget of the trainings.
        seeds: that a whole point has.
        remarks: what was left out, and what is missing.
    """

    method: str
    title: str
    dataset: str
    dataset_title: str
    rate: int
    columns: tuple[Column, ...]
    panels: tuple[Panel, ...]
    signature: str
    seeds: int
    remarks: tuple[str, ...]

    @property
    def has_fewer(self) -> bool:
        """Some point lacks seeds."""
        points = [point for panel in self.panels for curve in panel.curves for point in curve.points]
        return not all(scores.complete for point in points for scores in point.scores.values())


def loss_weights(records: Records, choice: Choice | None = None, *, protocol: str | None = None) -> LossWeights:
    """The curves of one set of trainings.

    Args:
        records: what there is.
        choice: which set, where there are several.
        protocol: whose rules; default: the dataset's own.

    Raises:
        UsageError: nothing to draw, several sets, or an unknown protocol.
    """
    key, listed = find_set(records, choice or Choice())
    found = _Scores(
        key,
        listed,
        Selection([one.run for one in listed], records.library, (key.dataset,), frozenset((key.rate,)), protocol),
    )
    values, study = found.values(), records.study
    planned = len(study.seeds) if study is not None else 0
    seeds = max([planned, *(len(one) for scores in values.values() for one in scores.values())])
    panels = tuple(_panels(values, _own(key.method, records.library), seeds=seeds))
    left_out = found.left_out()
    if not panels:
        raise UsageError(
            f"Two values of a loss weight that are scored on the whole of {found.title} are wanted.",
            found="\n".join(left_out) or f"{len(values)} such trainings",
            todo="give the command that trained and scored them again: it goes on where it stopped",
        )
    budget = study.budget if study is not None else budget_of(one.training for one in listed)
    return LossWeights(
        method=key.method,
        title=listed[0].run.header.method_title,
        dataset=key.dataset,
        dataset_title=found.title,
        rate=key.rate,
        columns=found.columns,
        panels=panels,
        signature=found.signature(budget),
        seeds=seeds,
        remarks=(*left_out, *_remarks(panels, values, listed, seeds=seeds)),
    )


def as_json(figure: LossWeights) -> str:
    """The figure as one JSON object: every point with its mean, deviation and seeds."""
    panels = [
        {
            "weight": panel.weight,
            "other": panel.other,
            "chosen_in_the_paper": paper_layouts().loss_weights[panel.weight].chosen,
            "curves": [
                {panel.other: curve.other, "points": [_json_point(panel, point) for point in curve.points]}
                for curve in panel.curves
            ],
        }
        for panel in figure.panels
    ]
    whole = {
        "method": figure.method,
        "dataset": figure.dataset,
        "rate": figure.rate,
        "signature": figure.signature,
        "seeds_expected": figure.seeds,
        "panels": panels,
        "remarks": list(figure.remarks),
    }
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)


def _json_point(panel: Panel, point: Point) -> dict[str, object]:
    return {panel.weight: point.weight} | {
        metric: {
            "mean": seeds.mean,
            "deviation": seeds.deviation,
            "seeds": {str(seed): value for seed, value in seeds.values.items()},
        }
        for metric, seeds in point.scores.items()
    }


def in_words(weights: Weights) -> str:
    """`λ₁ = 0.1, λ₂ = 0.1`."""
    layouts = paper_layouts().loss_weights.values()
    return ", ".join(f"{layout.symbol} = {value:g}" for layout, value in zip(layouts, weights, strict=True))


@dataclass(frozen=True)
class _Scores:
    """The runs of a set, and what they scored."""

    key: WeightSet
    listed: Sequence[Trained]
    selection: Selection

    @property
    def title(self) -> str:
        return self.selection.title(self.key.dataset)

    @property
    def columns(self) -> tuple[Column, ...]:
        dataset = self.key.dataset
        return tuple(metric_column(dataset, self.title, one) for one in self.selection.metrics_of(dataset))

    def signature(self, budget: str) -> str:
        found = self.selection.signatures(self.columns)
        return "; ".join(signature_lines({f"{text}|{budget}": where for text, where in found.items()}))

    def values(self) -> Values:
        """Averages over the whole benchmark; of runs of one training, the one that a table would show."""
        values: dict[Weights, dict[str, dict[int, float]]] = {}
        for column in self.columns:
            for weights, seed in sorted({(one.weights, one.training.seed) for one in self.listed}):
                value = self._value(column, weights, seed)
                if value is not None:
                    values.setdefault(weights, {}).setdefault(column.metric, {})[seed] = value
        return dict(sorted(values.items()))

    def _value(self, column: Column, weights: Weights, seed: int) -> float | None:
        same = {one.run.header.key for one in self.listed if (one.weights, one.training.seed) == (weights, seed)}
        chosen = self.selection.choose(column, self.key.rate, lambda run: run.header.key in same)
        cell = measured_cell(chosen[0], column) if chosen is not None else None
        return cell.value if cell is not None and cell.rankable else None

    def left_out(self) -> tuple[str, ...]:
        """Runs that are not drawn, and why."""
        places = {one.run.header.key: f"{in_words(one.weights)}, seed {one.training.seed}" for one in self.listed}
        partial = [
            f"{places[run.header.key]} ({seen.words})"
            for run in self.selection.runs
            if not (seen := coverage(run.lines.values(), run.header.clips)).complete
        ]
        methods = [self.selection.who(run) for run in self.selection.runs]
        others = self.selection.left_out(methods, called=lambda run: places[run.header.key])
        return (*((f"Left out, because clips are missing: {'; '.join(partial)}.",) if partial else ()), *others)


def _own(method: str, library: CardLibrary) -> Mapping[str, float]:
    """The weights of the card of today; empty where there is no card."""
    try:
        options = training_options(library.method(method)).model_dump()
    except CardError:
        return {}
    return {name: float(options[name]) for name in weight_names()}


def _panels(values: Values, own: Mapping[str, float], *, seeds: int) -> Iterator[Panel]:
    names = weight_names()
    for index, (weight, other) in enumerate((names, names[::-1])):
        curves = [curve for curve in _curves(values, index, seeds=seeds) if len(curve.points) > 1]
        if curves:
            first = min(curves, key=lambda one: (one.other != own.get(other), -len(one.points), one.other))
            yield Panel(weight, other, (first, *(curve for curve in curves if curve is not first)))


def _curves(values: Values, index: int, *, seeds: int) -> Iterator[Curve]:
    """The curves over weight `index`, by rising other weight."""
    for other in sorted({weights[1 - index] for weights in values}):
        points = [
            Point(weights[index], {metric: Seeds(by_seed, seeds) for metric, by_seed in scores.items()})
            for weights, scores in values.items()
            if weights[1 - index] == other
        ]
        yield Curve(other, tuple(sorted(points, key=lambda point: point.weight)))


def _remarks(panels: Sequence[Panel], values: Values, listed: Sequence[Trained], *, seeds: int) -> Iterator[str]:
    few = [
        f"{in_words(weights)} ({len(done)})"
        for weights, scores in values.items()
        if len(done := set.union(*(set(by_seed) for by_seed in scores.values()))) < seeds
    ]
    if few:
        yield f"Fewer than {seeds} seeds: {'; '.join(few)}."
    first, second = weight_names()
    others = {panel.other: {curve.other for curve in panel.curves} for panel in panels}
    alone = [
        in_words(weights)
        for weights in values
        if weights[1] not in others.get(second, ()) and weights[0] not in others.get(first, ())
    ]
    if alone:
        yield f"Not drawn, because no other training shares one of its weights: {'; '.join(alone)}."
    if any(one.training.max_seconds for one in listed):
        yield f"The clock ended these trainings after {iterations(one.training for one in listed)} iterations."
