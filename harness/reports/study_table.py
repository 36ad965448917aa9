"""The table of a study: every row's mean over seeds, and its difference to the full row, seed by seed.

The study says which trainings belong together; the numbers are those of the runs of their weights. The budget of the
trainings stands in the signature: a number of a study is never one of the paper's, and only rows of one study may be
compared. Of the paper's numbers, its differences can stand beside the measured ones: their sign and order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from harness.cards.library import CardLibrary
from harness.errors import UsageError
from harness.records.schema import ReportedLine
from harness.records.statistics import holm
from harness.records.study import Study
from harness.reports.columns import metric_column, paper_column
from harness.reports.marks import mark_blocks
from harness.reports.measured import RunLike
from harness.reports.model import Block, Cell, Column, Row, Table, signed
from harness.reports.over_seeds import Scored, difference_cell, mean_cell, over_clips
from harness.reports.paper import PaperRow, paper_rows
from harness.reports.selection import Selection, check_datasets, signature_lines
from harness.reports.study_runs import StudyRuns, belongs
from harness.reports.study_words import caption, remarks

_PAPER_METRICS = ("psnr", "ssim")
_FULL = "the row that the others are compared with"
_OTHER_RATE = "another rate than that of the full row"

Cells = list[Cell]


def study_table(
    study: Study,
    runs: Sequence[RunLike],
    *,
    library: CardLibrary,
    protocol: str | None = None,
    datasets: Sequence[str] = (),
    source: Literal["measured", "both"] = "measured",
    reported: Sequence[ReportedLine] = (),
    clips: bool = False,
) -> Table:
    """The table of a study, as far as its trainings are scored.

    Args:
        study: rows, seeds, and the keys of the trainings.
        runs: all that was measured; those of other weights are ignored.
        library: cards, for titles and protocols.
        protocol: whose rules; default: each dataset's own.
        datasets: only these, in this order; default: the study's.
        source: `both` puts the paper's own differences beside the measured ones.
        reported: the paper's numbers, for `both`.
        clips: compare differences over clips, too (`Cell.over_clips`); takes a while on large benchmarks.

    Raises:
        UsageError: unknown dataset or protocol, or `both` where the study stands for no table of the paper.
    """
    shown = check_datasets(datasets, study.datasets, what=f"The study '{study.name}'")
    paper: dict[int, PaperRow] = {}
    if source == "both":
        if study.table is None or study.full is None:
            raise UsageError(f"The study '{study.name}' stands for no table of the paper.", todo="leave --source out")
        paper = {row.number: row for row in paper_rows(reported, study.table)}
    mine = [run for run in runs if belongs(run, study)]
    selection = Selection(mine, library, shown, frozenset(row.rate for row in study.rows), protocol)
    return _Builder(study, StudyRuns(study, runs, selection), paper, clips).table()


@dataclass(frozen=True)
class _Measure:
    """One metric on one dataset: its column, and every row under it."""

    column: Column
    rows: tuple[Scored, ...]


@dataclass(frozen=True)
class _Builder:
    study: Study
    runs: StudyRuns
    paper: dict[int, PaperRow]
    clips: bool

    @cached_property
    def measures(self) -> tuple[_Measure, ...]:
        """PSNR and SSIM of every dataset."""
        selection, rows = self.runs.selection, range(len(self.study.rows))
        columns = [
            metric_column(dataset, selection.title(dataset), metric)
            for dataset in selection.datasets
            for metric in selection.metrics_of(dataset)
        ]
        return tuple(_Measure(one, tuple(self.runs.score(index, one) for index in rows)) for one in columns)

    def table(self) -> Table:
        listed = list(self._columns())
        columns = tuple(column for column, _ in listed)
        rows = tuple(
            Row(
                row.method,
                row.name,
                row.rate,
                tuple(cells[index] for _, cells in listed),
                group=f"rate {row.rate}",
                notes=tuple(f"{count} iterations" for count in filter(None, (self.runs.limited(index),))),
            )
            for index, row in enumerate(self.study.rows)
        )
        selection = self.runs.selection
        found = selection.signatures([measure.column for measure in self.measures])
        return Table(
            key=self.study.name,
            caption=caption(self.study),
            columns=columns,
            blocks=mark_blocks([Block("", rows)], columns),
            ranking="among the rows of one rate" if len(selection.rates) > 1 else "among all rows",
            signatures=signature_lines({f"{text}|{self.study.budget}": where for text, where in found.items()}),
            remarks=remarks(
                self.runs, {one.column: one.rows for one in self.measures}, paper=any(map(_is_papers, columns))
            ),
        )

    def _columns(self) -> Iterator[tuple[Column, Cells]]:
        """Every column with a cell a row: number and difference in turn, then the paper's differences."""
        differences = self._differences() if self.study.full is not None else {}
        for dataset in self.runs.selection.datasets:
            for measure in (one for one in self.measures if one.column.dataset == dataset):
                yield (
                    measure.column,
                    [mean_cell(row, measure.column, budget=self.study.budget) for row in measure.rows],
                )
                if measure.column in differences:
                    yield _delta(measure.column), differences[measure.column]
            yield from self._paper_columns(dataset)

    def _differences(self) -> dict[Column, Cells]:
        """The differences by the column of their metric; p over clips is corrected for all of them."""
        columns = {
            one.column: [self._difference(one, index) for index in range(len(one.rows))] for one in self.measures
        }
        tests = [cell.over_clips for cells in columns.values() for cell in cells if cell.over_clips]
        corrected = iter(holm([test.p for test in tests]))
        return {
            column: [
                replace(cell, over_clips=replace(cell.over_clips, holm_p=next(corrected)))
                if cell.over_clips
                else cell
                for cell in cells
            ]
            for column, cells in columns.items()
        }

    def _difference(self, measure: _Measure, index: int) -> Cell:
        full = self.study.full or 0
        if index == full:
            return Cell.empty(_FULL)
        if self.study.rows[index].rate != self.study.rows[full].rate:
            return Cell.empty(_OTHER_RATE)
        row, base = measure.rows[index], measure.rows[full]
        cell = difference_cell(row, base, _delta(measure.column))
        if not self.clips or cell.value is None:
            return cell
        return replace(cell, over_clips=over_clips(row, base, measure.column.metric))

    def _paper_columns(self, dataset: str) -> Iterator[tuple[Column, Cells]]:
        rows = [self.paper.get(row.paper_row or 0) for row in self.study.rows]
        full = rows[self.study.full] if self.study.full is not None else None
        for metric in _PAPER_METRICS:
            if full is not None and (dataset, metric) in full.lines:
                title = self.runs.selection.title(dataset)
                column = _delta(paper_column(dataset, title, metric, source="paper"))
                yield column, [_paper_delta(row, full, column, metric=metric) for row in rows]


def _delta(column: Column) -> Column:
    """The column of the differences of a metric. No mark belongs there: it has no direction."""
    metric, title = f"delta-{column.metric}", f"Δ {column.title}"
    return replace(column, metric=metric, title=title, higher_is_better=None)


def _paper_delta(row: PaperRow | None, full: PaperRow, column: Column, *, metric: str) -> Cell:
    if row is None:
        return Cell.empty("not in the paper")
    if row == full:
        return Cell.empty(_FULL)
    ours, theirs = (one.lines.get((column.dataset, metric)) for one in (row, full))
    if ours is None or theirs is None or ours.value is None or theirs.value is None:
        return Cell.empty("not printed in the paper")
    difference = ours.value - theirs.value
    notes = tuple(dict.fromkeys(line.note for line in (ours, theirs) if line.note))
    return Cell(value=difference, text=signed(difference, column.decimals), notes=notes, rankable=True)


def _is_papers(column: Column) -> bool:
    return column.source == "paper"
