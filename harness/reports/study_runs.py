"""Which runs belong to a study: those of weights that were trained under the key of one of its cells."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from harness.cards.method import Training
from harness.records.study import Study, StudyCell
from harness.reports.measured import LEFT_OUT, NOT_COMPUTED, NOT_MEASURED, RunLike
from harness.reports.model import Column
from harness.reports.over_seeds import Scored, score
from harness.reports.selection import Selection


def trainings(run: RunLike) -> tuple[Training, ...]:
    """How the weights of a run were trained, where they say so."""
    return tuple(weights.training for weights in run.header.weights if weights.training is not None)


def trained_as(run: RunLike, key: str) -> bool:
    """Weights of the run were trained under this key."""
    return any(training.key == key for training in trainings(run))


def belongs(run: RunLike, study: Study) -> bool:
    """The run may stand in one of the study's rows."""
    return any(study.rows[cell.row].rate == run.header.rate and trained_as(run, cell.key) for cell in study.cells)


def iterations(listed: Iterable[Training]) -> str:
    """How far trainings have come: `6000`, or `5120 to 6000`."""
    counts = sorted({training.iterations for training in listed})
    return " to ".join(map(str, dict.fromkeys((counts[0], counts[-1])))) if counts else ""


def budget_of(listed: Iterable[Training]) -> str:
    """What trainings cost that differ in their number of iterations at most."""
    every = list(listed)
    return iterations(every) + every[0].budget.removeprefix(str(every[0].iterations))


@dataclass(frozen=True)
class StudyRuns:
    """The runs of a study, and what its cells scored.

    Args:
        study: rows, seeds and keys.
        runs: all that was measured.
        selection: of those runs that belong to the study.
    """

    study: Study
    runs: Sequence[RunLike]
    selection: Selection

    @cached_property
    def trained(self) -> dict[str, Training]:
        """Every training that some run has used, by key."""
        return {training.key: training for run in self.runs for training in trainings(run)}

    def score(self, index: int, column: Column) -> Scored:
        """What the seeds of a row scored under the metric of a column."""
        return score({cell.seed: self._find(cell.key, index, column) for cell in self._cells(index)}, column)

    def called(self, run: RunLike) -> str:
        """A run by the row and seed that it belongs to."""
        names = [
            f"{self.study.rows[cell.row].name}, seed {cell.seed},"
            for cell in self.study.cells
            if trained_as(run, cell.key)
        ]
        return names[0] if names else run.header.method

    def limited(self, index: int) -> str:
        """How many iterations a row had where the clock ended its trainings; empty: they all had the same number."""
        found = [self.trained[cell.key] for cell in self._cells(index) if cell.key in self.trained]
        return iterations(found) if any(training.max_seconds for training in found) else ""

    def _cells(self, index: int) -> list[StudyCell]:
        return sorted((cell for cell in self.study.cells if cell.row == index), key=lambda cell: cell.seed)

    def _find(self, key: str, index: int, column: Column) -> tuple[RunLike, tuple[str, ...]] | str:
        rate = self.study.rows[index].rate
        chosen = self.selection.choose(column, rate, lambda run: trained_as(run, key))
        return chosen or self._why_missing(key, rate, column)

    def _why_missing(self, key: str, rate: int, column: Column) -> str:
        """Decided from runs alone: they do not know of trainings that nobody has scored."""
        here = [
            run
            for run in self.selection.runs
            if trained_as(run, key) and (run.header.dataset, run.header.rate) == (column.dataset, rate)
        ]
        for run in here:
            if any(run in self.selection.candidates(column.dataset, rate, name) for name in run.header.metrics):
                return NOT_COMPUTED
        if here:
            return LEFT_OUT
        return f"trained, not scored on {column.heading} yet" if key in self.trained else NOT_MEASURED
