"""How a list is shown: a table on a terminal, aligned text in a pipe, JSON on demand; always the same rows."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Row = dict[str, object]
"""One line of a list: plain values, as JSON shows them."""

NEVER = 10_000
"""A terminal width that nobody has: such a column is for pipes and JSON."""

ACCENT = "cyan"
_STYLES = {
    "ready": "green",
    "here": "green",
    "built in": "green",
    "lacks weights": "yellow",
    "lacks its network": "dim",
    "not here": "dim",
}
_GAP = "  "


def as_text(value: object) -> str:
    """A value in words: lists with commas, yes or nothing for booleans."""
    if value is None or value is False:
        return ""
    if value is True:
        return "yes"
    if isinstance(value, list | tuple):
        return ", ".join(as_text(item) for item in value)
    return str(value)


@dataclass(frozen=True)
class Column:
    """One column of a list.

    Args:
        key: of the row's value.
        title: its heading.
        text: how the value is written; `as_text` by default.
        from_width: the terminal width from which on it is shown. Pipes and JSON have every column.
        number: numbers stand on the right.
    """

    key: str
    title: str
    text: Callable[[object], str] = as_text
    from_width: int = 0
    number: bool = False

    def cell(self, row: Row) -> str:
        """The text of this column in `row`."""
        return self.text(row[self.key])


@dataclass(frozen=True)
class Section:
    """One list: what it is called, what it says in short, and its rows; `group` names the key that parts them."""

    name: str
    summary: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    group: str | None = None


def print_sections(sections: Sequence[Section], *, as_json: bool) -> None:
    """A table on a terminal, aligned text in a pipe, JSON on demand."""
    from rich.console import Console

    console = Console()
    if as_json:
        typer.echo(to_json(sections))
    elif console.is_terminal:
        show(sections, console)
    else:
        typer.echo(to_plain(sections))


def to_json(sections: Sequence[Section]) -> str:
    """Every row of every section, by the section's name."""
    return json.dumps({section.name: section.rows for section in sections}, indent=2, ensure_ascii=False)


def to_plain(sections: Sequence[Section]) -> str:
    """Aligned text for pipes: one line a row, two blanks between columns, a headline only where there are several."""
    blocks = []
    for section in sections:
        columns = (
            section.columns if section.group is None else (Column(section.group, section.group), *section.columns)
        )
        lines = [tuple(column.title for column in columns)]
        lines += [tuple(column.cell(row) for column in columns) for row in section.rows]
        widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        head = [f"{section.name}: {section.summary}"] if len(sections) > 1 else []
        body = (_GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
        blocks.append("\n".join((*head, *(line.rstrip() for line in body))))
    return "\n\n".join(blocks)


def show(sections: Sequence[Section], console: "Console") -> None:
    """Print the sections on a terminal, each as wide as it needs to be and no wider than there is room."""
    from rich.text import Text

    for number, section in enumerate(sections):
        if number:
            console.print()
        console.print(Text.assemble((section.name, f"bold {ACCENT}"), (f"  {section.summary}", "dim")))
        console.print(_table(section, console.width))


def _table(section: Section, width: int) -> "Table":
    from rich.table import Table
    from rich.text import Text

    columns = [column for column in section.columns if width >= column.from_width]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for number, column in enumerate(columns):
        table.add_column(column.title, justify="right" if column.number else "left", no_wrap=number == 0)
    for name, rows in groupby(section.rows, key=lambda row: "" if section.group is None else str(row[section.group])):
        if name:
            if table.row_count:
                table.add_row()
            table.add_row(Text(name, style="bold"))
        for row in rows:
            cells = (column.cell(row) for column in columns)
            table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in cells))
    return table
