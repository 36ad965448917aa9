"""Tables of everything that was measured: the leaderboard, and the table of one invocation of `harness run`."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.cards.library import CardLibrary
from harness.errors import UsageError
from harness.reports.columns import in_order, metric_column
from harness.reports.layouts import paper_layouts
from harness.reports.marks import mark_blocks
from harness.reports.measured import NOT_MEASURED, RunLike
from harness.reports.model import Block, Column, Row, Table
from harness.reports.selection import Selection, check_datasets, signature_lines

_OTHER_SIGNATURE = "measured under another signature"


def leaderboard(
    runs: Sequence[RunLike],
    *,
    protocol: str | None = None,
    datasets: Sequence[str] = (),
    library: CardLibrary | None = None,
) -> Table:
    """All measured methods on all datasets, the best of the first column first; one block a rate.

    Args:
        runs: what was measured.
        protocol: whose rules; default: each dataset's own.
        datasets: only these, in this order; default: the paper's first, then the others by name.
        library: cards; default: the shipped ones.

    Raises:
        UsageError: nothing was measured, or an unknown dataset or protocol.
    """
    trained = [run for run in runs if not run.header.untrained]
    if not trained:
        raise UsageError("Nothing is measured yet.", todo="for example: harness run --method bicubic --dataset demo")
    shown = check_datasets(datasets, _in_paper_order(run.header.dataset for run in trained), what="The leaderboard")
    rates = sorted({run.header.rate for run in trained if run.header.dataset in shown})
    selection = Selection(trained, library or CardLibrary(), shown, frozenset(rates), protocol)
    columns = _columns(selection)
    rows = _rows([(selection, columns)], NOT_MEASURED)
    blocks = [
        Block(f"Rate {rate}" if len(rates) > 1 else "", tuple(row for row in rows if row.rate == rate))
        for rate in rates
    ]
    first = f"best {columns[0].title} on {columns[0].heading}" if columns else "best"
    return Table(
        key="leaderboard",
        caption=f"Everything measured with this harness, {first} first.",
        columns=columns,
        blocks=mark_blocks([_best_first(block, columns) for block in blocks if block.rows], columns),
        ranking="among the methods of one block" if len(rates) > 1 else "among all methods",
        signatures=signature_lines(selection.signatures(columns)),
        remarks=selection.left_out(selection.who(run) for run in selection.runs),
    )


def run_table(runs: Sequence[RunLike], *, library: CardLibrary | None = None) -> Table:
    """The table of one invocation: its methods in the order given, its datasets, its metrics.

    Methods whose windows differ were measured under different signatures, and stand in different columns.

    Args:
        runs: the runs of the invocation.
        library: cards; default: the shipped ones.
    """
    groups: dict[tuple[str, str], list[RunLike]] = {}
    for run in runs:
        if not run.header.untrained:
            groups.setdefault((run.header.dataset, run.header.signature), []).append(run)
    datasets = [dataset for dataset, _ in groups]
    parts = []
    for index, ((dataset, _), members) in enumerate(groups.items()):
        rates = frozenset(run.header.rate for run in members)
        selection = Selection(members, library or CardLibrary(), (dataset,), rates, members[0].header.protocol)
        # Several signatures on one dataset: its columns are numbered, and the signatures below the table too.
        number = f" [{datasets[: index + 1].count(dataset)}]" if datasets.count(dataset) > 1 else ""
        parts.append((selection, _columns(selection, suffix=number)))
    columns = tuple(column for _, listed in parts for column in listed)
    rows = _rows(parts, NOT_MEASURED if len(set(datasets)) == len(datasets) else _OTHER_SIGNATURE)
    signatures: dict[str, list[str]] = {}
    for selection, listed in parts:
        for text in selection.signatures(listed):
            signatures.setdefault(text, []).append(listed[0].heading)
    return Table(
        key="run",
        caption="What this command measured.",
        columns=columns,
        blocks=mark_blocks([Block("", rows)], columns),
        ranking="among the methods of this command",
        signatures=signature_lines(signatures),
        remarks=tuple(
            f"{run.header.method_title} on {run.header.dataset_title} ran with untrained weights: no number is shown."
            for run in runs
            if run.header.untrained
        ),
    )


def _columns(selection: Selection, *, suffix: str = "") -> tuple[Column, ...]:
    return tuple(
        metric_column(dataset, selection.title(dataset) + suffix, metric, source="measured")
        for dataset in selection.datasets
        for metric in in_order(
            metric for run in selection.runs if run.header.dataset == dataset for metric in run.header.metrics
        )
        if selection.measured(dataset, (metric,))
    )


def _rows(parts: Sequence[tuple[Selection, Sequence[Column]]], reason: str) -> tuple[Row, ...]:
    """Everybody who has a number in one of the parts, in the order of the runs."""
    everybody = {key: name for selection, columns in parts for key, name in selection.everybody(columns).items()}
    return tuple(
        Row(
            who.method,
            name,
            rate,
            tuple(
                selection.cell(who, column, rate, reason=reason) for selection, columns in parts for column in columns
            ),
            group=f"rate {rate}",
            notes=tuple(dict.fromkeys(note for selection, _ in parts for note in selection.notes(who, rate))),
        )
        for (who, rate), name in everybody.items()
    )


def _best_first(block: Block, columns: Sequence[Column]) -> Block:
    """The rows by the first column; those that do not compete there come after the others, by the next column."""

    def place(row: Row) -> list[tuple[bool, float]]:
        keys = []
        for column, cell in zip(columns, row.cells, strict=True):
            value = cell.value if cell.rankable and cell.value is not None else None
            sign = -1 if column.higher_is_better else 1
            keys.append((value is None, 0.0 if value is None else sign * value))
        return keys

    return replace(block, rows=tuple(sorted(block.rows, key=lambda row: (place(row), row.name))))


def _in_paper_order(datasets: Iterable[str]) -> list[str]:
    order = {name: index for index, name in enumerate(paper_layouts().datasets)}
    return sorted(set(datasets), key=lambda name: (order.get(name, len(order)), name))
