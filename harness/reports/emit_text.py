"""Tables for terminals and pipes: the same lines, styled or plain.

On a terminal best is bold, second underlined, incomplete dim. In a pipe, where styles are lost, best carries `*`
and second `+`. Columns that do not fit the given width continue in further panels below; a dataset is never split.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from harness.reports.model import Cell, Column, Mark, Row, Table
from harness.reports.typography import plain, superscript

if TYPE_CHECKING:
    from rich.text import Text

Line = list[tuple[str, str]]
"""Pieces of text with their style."""

ACCENT = "cyan"
_STYLES: dict[Mark, str] = {"": "", "best": f"bold {ACCENT}", "second": "underline"}
_SIGNS: dict[Mark, str] = {"": "", "best": "*", "second": "+"}
_GAP = "  "


def as_text(table: Table, *, width: int | None = None) -> str:
    """The table in plain characters, no wider than `width` (as far as one dataset fits); None: as wide as it is."""
    return "\n".join("".join(text for text, _ in line).rstrip() for line in _lines(table, width, signs=True)) + "\n"


def as_rich(table: Table, *, width: int | None = None) -> "Text":
    """The table with styles, for a terminal of this width."""
    from rich.text import Text  # noqa: PLC0415

    lines = (Text.assemble(*line) for line in _lines(table, width, signs=False))
    return Text("\n").join(lines)


def _lines(table: Table, width: int | None, *, signs: bool) -> Iterator[Line]:
    yield [(plain(table.heading), "bold")]
    body = _Body(table, signs=signs)
    for panel in body.panels(width):
        yield []
        yield from body.panel(panel)
    yield []
    yield from _notes(table, signs=signs)


@dataclass
class _Body:
    """Widths are taken once for the whole table, so that panels look alike."""

    table: Table
    signs: bool

    def __post_init__(self) -> None:
        rows = self.table.rows
        self.names = max(len("Method"), *(len(self._name(row)) + self._indent(row) for row in rows), 0)
        self.spreads = [len(self.table.widest_spread(i)) for i in self._indices]
        self.tails = [max((len(self._tail(row.cells[i])) for row in rows), default=0) for i in self._indices]
        self.numbers = [
            max(
                *(len(row.cells[i].text) for row in rows),
                *(len(text) - self.spreads[i] - self.tails[i] for text in self._titles(self.table.columns[i])),
                3,
            )
            for i in self._indices
        ]

    @property
    def _indices(self) -> range:
        return range(len(self.table.columns))

    def panels(self, width: int | None) -> list[list[int]]:
        """The columns of each panel: whole datasets, as many as fit beside the names."""
        groups = [list(members) for _, members in groupby(self._indices, key=self._dataset)]
        panels: list[list[int]] = [[]]
        for group in groups:
            wide = self.names + sum(self._width(i) for i in (*panels[-1], *group))
            if panels[-1] and width is not None and wide > width:
                panels.append([])
            panels[-1] += group
        return panels

    def panel(self, indices: Sequence[int]) -> Iterator[Line]:
        columns = self.table.columns
        yield self._span([(self._dataset(i), columns[i].heading) for i in indices], indices)
        if self.table.two_sources:
            yield self._span([(self._dataset(i), columns[i].source) for i in indices], indices)
        titles = [self._titles(columns[i]) for i in indices]
        last = any(unit for _, unit in titles)
        for level in (0, 1) if last else (0,):
            name = "Method" if level == last else ""
            heads = [(self._fit(title[level], i), "bold") for title, i in zip(titles, indices, strict=True)]
            yield [(name.ljust(self.names), "bold"), *heads]
        yield [("─" * (self.names + sum(self._width(i) for i in indices)), "dim")]
        for block in self.table.blocks:
            if block.title:
                yield [(plain(block.title), "italic")]
            for row in block.rows:
                name = " " * self._indent(row) + self._name(row)
                cells = [piece for i in indices for piece in self._cell(row.cells[i], i)]
                yield [(name.ljust(self.names), ""), *cells]

    def _dataset(self, index: int) -> tuple[str, str]:
        column = self.table.columns[index]
        return column.dataset, column.heading

    def _width(self, index: int) -> int:
        return len(_GAP) + self.numbers[index] + self.spreads[index] + self.tails[index]

    def _fit(self, text: str, index: int) -> str:
        """Right-aligned above the digits; longer text runs on above the footnote letters."""
        wide = self.numbers[index] + self.spreads[index]
        return _GAP + text.rjust(wide).ljust(wide + self.tails[index])

    def _cell(self, cell: Cell, index: int) -> Line:
        space = " " * (len(_GAP) + self.numbers[index] - len(cell.text))
        style = "dim" if cell.partial or cell.value is None else _STYLES[cell.mark]
        tail = (cell.spread + self._tail(cell)).ljust(self.spreads[index] + self.tails[index])
        return [(space, ""), (cell.text, style), (tail, "dim")]

    def _tail(self, cell: Cell) -> str:
        return (_SIGNS[cell.mark] if self.signs else "") + superscript("".join(self.table.letters(cell)))

    def _name(self, row: Row) -> str:
        return plain(row.name) + superscript("".join(self.table.letters(row)))

    def _indent(self, row: Row) -> int:
        return 2 if any(block.title and row in block.rows for block in self.table.blocks) else 0

    def _titles(self, column: Column) -> tuple[str, str]:
        return f"{column.title} {column.arrow}".strip(), column.unit

    def _span(self, keys: Sequence[tuple[object, str]], indices: Sequence[int]) -> Line:
        """A header line in which equal neighbours share one centred text."""
        line: Line = [(" " * self.names, "")]
        for (_, text), members in groupby(zip(keys, indices, strict=True), key=lambda item: item[0]):
            width = sum(self._width(i) for _, i in members) - len(_GAP)
            line.append((_GAP + plain(text).center(width), "bold"))
        return line


def _notes(table: Table, *, signs: bool) -> Iterator[Line]:
    if table.marks:
        words: dict[Mark, str] = {"best": "best", "second": "second best"}
        legend = [
            (f"{_SIGNS[mark]} {word}" if signs else word, "" if signs else _STYLES[mark])
            for mark, word in words.items()
            if mark in table.marks
        ]
        between = [piece for item in legend for piece in ((", ", ""), item)][1:]
        yield [*between, (f" {plain(table.ranking)}; ties share the mark", "")]
    for note, letter in table.footnotes.items():
        yield [(f"{superscript(letter)} {plain(note)}", "")]
    for signature in table.signatures:
        yield [("Signature: ", ""), (signature, "dim")]
    for remark in table.remarks:
        yield [(plain(remark), "")]
