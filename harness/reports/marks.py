"""Best and second best: per column, within a group of rows, ties included.

Equal means equal as printed: a reader cannot see other digits. Everybody at the best value is best, everybody at the
next one is second. A group of one has no best, and a group of two no second.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.reports.model import Block, Cell, Column, Mark, Row


def mark_blocks(blocks: Iterable[Block], columns: Sequence[Column]) -> tuple[Block, ...]:
    """The blocks with their best and second best cells marked; a group may span blocks."""
    listed = tuple(blocks)
    groups: dict[str, list[Row]] = defaultdict(list)
    for block in listed:
        for row in block.rows:
            groups[row.group].append(row)
    marks: dict[int, list[Mark]] = {}
    for group, rows in groups.items():
        for row in rows:
            marks[id(row)] = [""] * len(columns)
        if not group:
            continue
        for index, column in enumerate(columns):
            found = marks_of([row.cells[index] for row in rows], higher_is_better=column.higher_is_better)
            for row, mark in zip(rows, found, strict=True):
                marks[id(row)][index] = mark
    return tuple(replace(block, rows=tuple(_marked(row, marks[id(row)]) for row in block.rows)) for block in listed)


def marks_of(cells: Sequence[Cell], *, higher_is_better: bool | None) -> list[Mark]:
    """The mark of each cell of one column and one group."""
    values = [_as_printed(cell) for cell in cells]
    competing = [value for value in values if value is not None]
    if higher_is_better is None or len(competing) < 2:
        return [""] * len(cells)
    ranked = sorted(set(competing), reverse=higher_is_better)
    best = ranked[0]
    second = ranked[1] if len(ranked) > 1 and len(competing) > 2 else None
    marks: dict[float | None, Mark] = {second: "second", best: "best", None: ""}
    return [marks.get(value, "") for value in values]


def _as_printed(cell: Cell) -> float | None:
    if not cell.rankable or cell.value is None:
        return None
    return float(cell.text.replace("−", "-").replace("∞", "inf"))


def _marked(row: Row, marks: Sequence[Mark]) -> Row:
    return replace(row, cells=tuple(replace(cell, mark=mark) for cell, mark in zip(row.cells, marks, strict=True)))
