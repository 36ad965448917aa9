"""Tables as Markdown (GitHub's flavour): bold is best, underlined is second, superscript letters are footnotes."""

from harness.reports.model import Cell, Column, Row, Table
from harness.reports.typography import markdown

_MARKS = {"": "{}", "best": "**{}**", "second": "<ins>{}</ins>"}


def as_markdown(table: Table) -> str:
    """The table with caption, notes and signatures."""
    heads = [_head(column, named=table.two_sources) for column in table.columns]
    lines = [
        f"**{markdown(table.heading)}**",
        "",
        _line(["Method", *heads]),
        _line([":--", *("--:" for _ in heads)]),
    ]
    for block in table.blocks:
        if block.title:
            lines.append(_line([f"*{markdown(block.title)}*", *("" for _ in heads)]))
        lines += [_row(table, row) for row in block.rows]
    notes = _notes(table)
    return "\n".join([*lines, "", *notes]).rstrip() + "\n"


def _head(column: Column, *, named: bool) -> str:
    whose = column.source if named else ""
    parts = (markdown(column.heading), whose, f"{markdown(column.title)} {column.arrow}".strip(), column.unit)
    return "<br>".join(part for part in parts if part)


def _row(table: Table, row: Row) -> str:
    name = markdown(row.name) + _raised(table, row)
    cells = [
        _MARKS[cell.mark].format(f"*{cell.text}*" if cell.partial else cell.text) + cell.spread for cell in row.cells
    ]
    return _line([name, *(text + _raised(table, cell) for text, cell in zip(cells, row.cells, strict=True))])


def _raised(table: Table, item: Cell | Row) -> str:
    letters = ",".join(table.letters(item))
    return f"<sup>{letters}</sup>" if letters else ""


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _notes(table: Table) -> list[str]:
    both = "**Best** and <ins>second best</ins>" if "second" in table.marks else "**Best**"
    legend = [f"{both} {markdown(table.ranking)}; ties share the mark."]
    partial = [f"*Slanted*: {table.partial}, never marked."]
    notes = [
        *(legend if table.marks else []),
        *(partial if table.partial else []),
        *(f"<sup>{letter}</sup> {markdown(note)}" for note, letter in table.footnotes.items()),
        *(f"Signature: `{signature}`" for signature in table.signatures),
        *(markdown(remark) for remark in table.remarks),
    ]
    # Two blanks at the end of a line break it; the last one needs none.
    return [note + "  " for note in notes[:-1]] + notes[-1:]
