"""The tables of the paper, in its own row order and blocks, with the paper's numbers and ours side by side.

Rows come from the reported records (names, methods, rates); blocks and competing groups are data (layouts.toml).
The paper's numbers and measured ones never share a column.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from harness.cards.library import CardLibrary
from harness.errors import RecordError, UsageError
from harness.names import suggest
from harness.records.schema import ReportedLine
from harness.records.speed import SpeedRecord
from harness.reports.columns import FPS, metric_column, paper_column
from harness.reports.layouts import TableLayout, paper_layouts
from harness.reports.marks import mark_blocks
from harness.reports.measured import NOT_MEASURED, Identity, RunLike
from harness.reports.model import Block, Cell, Column, Row, Table, printed
from harness.reports.selection import Selection, check_datasets, signature_lines
from harness.reports.speeds import Speeds

Sources = Literal["reported", "measured", "both"]
_EXTRA = "Not in the paper"
_EXTRA_RANKING = ", so too methods that are not in the paper"
_METRICS = ("psnr", "ssim")
_CAPTIONS = {
    "reported": "the paper's numbers",
    "measured": "measured with this harness",
    "both": "the paper's numbers and measured ones",
}
_NOTHING = "Nothing is measured yet under this protocol: harness run --method … --dataset …"


@dataclass(frozen=True)
class Measurements:
    """What stands beside the paper's numbers.

    Args:
        runs: what `harness run` measured.
        speeds: what `harness speed` measured, oldest first.
        reasons: why methods cannot be measured here, by name.
    """

    runs: Sequence[RunLike] = ()
    speeds: Sequence[SpeedRecord] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PaperRow:
    """One row as printed, with its numbers by (dataset, metric)."""

    number: int
    name: str
    method: str
    rate: int
    lines: Mapping[tuple[str, str], ReportedLine]


def paper_rows(reported: Iterable[ReportedLine], key: str) -> list[PaperRow]:
    """The rows of table `key` in the paper's order."""
    rows: dict[int, list[ReportedLine]] = {}
    for line in reported:
        if line.source == paper_layouts().source and line.table == key:
            rows.setdefault(line.row, []).append(line)
    return [
        PaperRow(number, line[0].name, line[0].method, line[0].rate, {(one.dataset, one.metric): one for one in line})
        for number, line in sorted(rows.items())
    ]


def paper_table(
    key: str,
    reported: Sequence[ReportedLine],
    *,
    measured: Measurements | None = None,
    source: Sources = "both",
    protocol: str | None = None,
    datasets: Sequence[str] = (),
    library: CardLibrary | None = None,
) -> Table:
    """One of the paper's tables.

    Args:
        key: `I` to `VI`.
        reported: the paper's numbers, those of all tables.
        measured: what was measured here.
        source: whose numbers are shown.
        protocol: whose rules; default: each dataset's own.
        datasets: only these, in this order.
        library: cards; default: the shipped ones.

    Raises:
        UsageError: unknown table, dataset or protocol. RecordError: the paper's numbers are not there.
    """
    layouts = paper_layouts()
    if key not in layouts.tables:
        raise UsageError(f"The paper has no table '{key}'.", todo=suggest(key, layouts.tables))
    rows = paper_rows(reported, key)
    if not rows:
        raise RecordError(f"The paper's numbers of Table {key} are wanted.", found="no reported records of it")
    shown = check_datasets(datasets, layouts.datasets, what=f"Table {key}")
    library = library or CardLibrary()
    ours = measured if measured is not None and source != "reported" else Measurements()
    layout, known = layouts.tables[key], frozenset(line.method for line in reported)
    mine = [run for run in ours.runs if _belongs(run, rows, extra=layout.extra, known=known)]
    selection = Selection(mine, library, shown, frozenset(row.rate for row in rows), protocol)
    takes_speed = layout.speed and layouts.speed.dataset in shown
    timed = Speeds(ours.speeds if takes_speed else (), layouts.speed, rate=min(selection.rates), library=library)
    return _Builder(key, layout, source, rows, known, selection, timed, ours.reasons).table()


def _belongs(run: RunLike, rows: Iterable[PaperRow], *, extra: bool, known: Collection[str]) -> bool:
    """The run may stand in one of the rows, or in the block of methods that are not in the paper."""
    method = run.header.method.partition("@")[0]
    return any(row.method == method for row in rows) or (extra and method not in known)


@dataclass
class _Builder:
    key: str
    layout: TableLayout
    source: Sources
    rows: list[PaperRow]
    known: frozenset[str]
    selection: Selection
    speeds: Speeds
    reasons: Mapping[str, str]
    columns: tuple[Column, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.columns = tuple(self._columns())

    def table(self) -> Table:
        blocks = [
            Block(block.title, tuple(self._row(row) for row in self.rows if row.number in block))
            for block in self.layout.blocks
        ]
        extra = self._extra_rows()
        if extra:
            blocks.append(Block(_EXTRA, extra))
        shown = [Identity(row.method, "", "") for block in blocks for row in block.rows]
        measured = [column for column in self.columns if column.source == "measured" and column.metric != FPS]
        nothing = self.source != "reported" and not any(map(self._has_measurements, self.selection.datasets))
        return Table(
            key=self.key,
            caption=f"{self.layout.caption}: {_CAPTIONS[self.source]}.",
            number=f"Table {self.key}",
            columns=self.columns,
            blocks=mark_blocks(blocks, self.columns),
            ranking=self.layout.ranking + (_EXTRA_RANKING if extra else ""),
            signatures=signature_lines(self.selection.signatures(measured)),
            remarks=(
                *((_NOTHING,) if nothing else ()),
                *self.speeds.remarks,
                *self.selection.left_out(shown),
            ),
        )

    def _columns(self) -> Iterator[Column]:
        measured = [name for name in self.selection.datasets if self._has_measurements(name)]
        for dataset in self.selection.datasets:
            title = self.selection.title(dataset)
            if self.source != "measured":
                yield from (paper_column(dataset, title, metric, source="paper") for metric in _METRICS)
            # A table of measurements alone leaves out what nobody measured, unless that is everything.
            if dataset in measured or (self.source == "measured" and not measured):
                names = self.selection.metrics_of(dataset)
                yield from (metric_column(dataset, title, name, source="measured") for name in names)
        layouts = paper_layouts()
        if self.layout.speed and layouts.speed.dataset in self.selection.datasets:
            if self.source != "measured":
                yield paper_column(layouts.speed.dataset, "", FPS, source="paper")
            if self.speeds:
                yield paper_column(layouts.speed.dataset, "", FPS, source="measured")

    def _has_measurements(self, dataset: str) -> bool:
        return self.source != "reported" and self.selection.measured(dataset, self.selection.metrics_of(dataset))

    def _row(self, row: PaperRow) -> Row:
        who = self.selection.plain(row.method, row.rate)
        reason = self.reasons.get(row.method, NOT_MEASURED)
        cells = tuple(
            _printed_cell(row, column) if column.source == "paper" else self._cell(who, row.rate, column, reason)
            for column in self.columns
        )
        whose = (f"measured with the weights '{who.weights}'",) if who.weights else ()
        notes = (*whose, *self.selection.notes(who, row.rate))
        return Row(row.method, row.name, row.rate, cells, self.layout.group_of(row.number), notes)

    def _cell(self, who: Identity, rate: int, column: Column, reason: str) -> Cell:
        if column.metric == FPS:
            return self.speeds.cell(who.method, reason=reason)
        return self.selection.cell(who, column, rate, reason=reason)

    def _extra_rows(self) -> tuple[Row, ...]:
        """Measured methods that no table of the paper has, under the table that compares methods."""
        if not self.layout.extra:
            return ()
        absent = Cell.empty("not in the paper")
        return tuple(
            Row(
                who.method,
                name,
                rate,
                tuple(
                    absent if column.source == "paper" else self._cell(who, rate, column, NOT_MEASURED)
                    for column in self.columns
                ),
                group=_EXTRA,
                notes=self.selection.notes(who, rate),
            )
            for (who, rate), name in self.selection.everybody(self.columns).items()
            if who.method not in self.known
        )


def _printed_cell(row: PaperRow, column: Column) -> Cell:
    line = row.lines.get((column.dataset, column.metric))
    if line is None or line.value is None:
        return Cell.empty((line.note if line is not None else "") or "not printed in the paper")
    notes = (line.note,) if line.note else ()
    return Cell(value=line.value, text=printed(line.value, column.decimals), notes=notes, rankable=True)
