"""`harness ablate --table IV`: the rows of a table of the paper that are variants of one method, to be trained alike.

A row belongs when its card is that method's or extends it. Rows, their names and rates are the reported records'.
"""

from collections.abc import Sequence

from harness.cards.library import CardLibrary
from harness.cards.method import MethodCard
from harness.errors import UsageError
from harness.names import suggest
from harness.records.schema import ReportedLine
from harness.records.study import StudyRow
from harness.upscalers.readiness import readiness

SOURCE = "stinet"
"""Whose tables these are: Yue, Shi, Ding, 2022."""

SUBJECTS = {"VI": "tmnet"}
"""The method whose variants a table compares, where it is not the paper's own."""


def ablation_rows(
    table: str, library: CardLibrary, reported: Sequence[ReportedLine]
) -> tuple[tuple[StudyRow, ...], int | None]:
    """The rows of a table, and which of them the others are compared with: the plain method's.

    The plain method is added where the table has no row of it. Where it has several (Table II: one a rate), none is
    compared with another.

    Raises:
        UsageError: no such table, or this version lacks a network of it.
    """
    lines = [line for line in reported if line.source == SOURCE]
    known = tuple(dict.fromkeys(line.table for line in lines))
    if table not in known:
        raise UsageError(f"The paper has no table '{table}'.", todo=suggest(table, known))
    subject = SUBJECTS.get(table, SOURCE)
    printed = {line.row: line for line in lines if line.table == table}
    rows = [
        StudyRow(name=line.name, method=line.method, rate=line.rate, paper_row=number)
        for number, line in sorted(printed.items())
        if subject in _lineage(line.method, library)
    ]
    if not any(row.method == subject for row in rows):
        rows.append(StudyRow(name=library.method(subject).title, method=subject))
    _check(table, rows, library)
    plain = [index for index, row in enumerate(rows) if row.method == subject]
    return tuple(rows), plain[0] if len(plain) == 1 else None


def _lineage(name: str, library: CardLibrary) -> tuple[str, ...]:
    """A card and those that it extends; nothing for a method without a card."""
    if name not in library.names(MethodCard):
        return ()
    parent = library.method(name).extends
    return (name, *_lineage(parent, library)) if parent is not None else (name,)


def _check(table: str, rows: Sequence[StudyRow], library: CardLibrary) -> None:
    found = [readiness(library.method(row.method), library) for row in rows]
    missing = dict.fromkeys(name for one in found if one.status == "lacks its network" for name in one.lacks)
    if missing:
        raise UsageError(
            f"The rows of Table {table} cannot be trained here.",
            found=f"not in this version: {' and '.join(missing)}",
            todo="`harness list methods` shows which methods are ready; --plugin FILE.py brings a network of yours",
        )
