r"""Tables as LaTeX with booktabs: a `table*` float to \input, or a document that compiles by itself.

Numbers are set flush right; footnote letters hang beside them (\rlap), and a number without a spread leaves room for
one (\phantom), so that decimals stay aligned. Wide tables
are scaled down to the text width (graphicx).
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from harness.reports.model import Cell, Row, Table
from harness.reports.typography import latex, latex_code

_MARKS = {"": "{}", "best": r"\textbf{{{}}}", "second": r"\underline{{{}}}"}
_PACKAGES = ("booktabs", "graphicx")


def as_latex(table: Table, *, standalone: bool = False) -> str:
    """The table as a float.

    Args:
        table: what to set.
        standalone: a whole document, to look at; otherwise a fragment that needs the packages of its first line.
    """
    fragment = "\n".join(_float(table)) + "\n"
    if not standalone:
        return f"% \\usepackage{{{','.join(_PACKAGES)}}}\n{fragment}"
    packages = "".join(f"\\usepackage{{{name}}}\n" for name in _PACKAGES)
    return (
        "\\documentclass{article}\n\\usepackage[T1]{fontenc}\n\\usepackage[landscape,margin=10mm]{geometry}\n"
        f"{packages}\\pagestyle{{empty}}\n\\begin{{document}}\n{fragment}\\end{{document}}\n"
    )


def _float(table: Table) -> Iterator[str]:
    yield r"\begin{table*}"
    yield r"\centering"
    both = r"\textbf{Best} and \underline{second best}" if "second" in table.marks else r"\textbf{Best}"
    legend = f" {both} {latex(table.ranking)}; ties share the mark."
    slanted = rf" \textit{{Slanted}}: {latex(table.partial)}, never marked."
    caption = latex(table.caption) + (legend if table.marks else "") + (slanted if table.partial else "")
    yield rf"\caption{{{caption}}}"
    yield r"\vspace{4pt}"
    yield rf"\label{{tab:{table.key.lower()}}}"
    # A table that is narrower than the text keeps its size.
    yield r"\resizebox{\ifdim\width>\textwidth \textwidth\else\width\fi}{!}{%"
    yield rf"\begin{{tabular}}{{l{'r' * len(table.columns)}}}"
    yield r"\toprule"
    yield from _header(table)
    for block in table.blocks:
        yield r"\midrule"
        if block.title:
            yield rf"\multicolumn{{{len(table.columns) + 1}}}{{l}}{{\textit{{{latex(block.title)}}}}} \\"
            yield r"\addlinespace[2pt]"
        yield from (_row(table, row) for row in block.rows)
    yield r"\bottomrule"
    yield r"\end{tabular}}"
    yield from _notes(table)
    yield r"\end{table*}"


def _header(table: Table) -> Iterator[str]:
    yield from _spanning([(column.dataset, column.heading) for column in table.columns])
    if table.two_sources:
        keys = [(f"{column.dataset} {column.heading}", column.source) for column in table.columns]
        yield from _spanning(keys)
    titles = " & ".join(_centred(f"{latex(column.title)} {latex(column.arrow)}".strip()) for column in table.columns)
    yield rf"Method & {titles} \\"
    if any(column.unit for column in table.columns):
        units = (rf"\scriptsize {latex(column.unit)}" if column.unit else "" for column in table.columns)
        yield rf" & {' & '.join(map(_centred, units))} \\"


def _spanning(keys: Sequence[tuple[str, str]]) -> Iterator[str]:
    """A header line in which equal neighbours share one cell, with rules below those that say something."""
    cells, rules, start = [], [], 2
    for (_, text), members in groupby(keys):
        width = len(list(members))
        cells.append(rf"\multicolumn{{{width}}}{{c}}{{{latex(text)}}}")
        if text:
            rules.append(rf"\cmidrule(lr){{{start}-{start + width - 1}}}")
        start += width
    yield " & " + " & ".join(cells) + r" \\"
    yield "".join(rules)


def _centred(text: str) -> str:
    return rf"\multicolumn{{1}}{{c}}{{{text}}}" if text else ""


def _row(table: Table, row: Row) -> str:
    cells = [_number(table, cell, index) for index, cell in enumerate(row.cells)]
    return " & ".join([latex(row.name) + _raised(table, row), *cells]) + r" \\"


def _number(table: Table, cell: Cell, index: int) -> str:
    """A cell. One without a spread leaves room for it where others of its column have one."""
    text = latex(cell.text.replace("-", "−"))
    number = _MARKS[cell.mark].format(rf"\textit{{{text}}}" if cell.partial else text)
    room = "" if cell.spread else latex(table.widest_spread(index))
    return number + latex(cell.spread) + _raised(table, cell) + (rf"\phantom{{{room}}}" if room else "")


def _raised(table: Table, item: Cell | Row) -> str:
    letters = ",".join(table.letters(item))
    return rf"\rlap{{\textsuperscript{{{letters}}}}}" if letters else ""


def _notes(table: Table) -> Iterator[str]:
    notes = [
        *(rf"\textsuperscript{{{letter}}}~{latex(note)}." for note, letter in table.footnotes.items()),
        *(rf"Signature: {latex_code(signature)}" for signature in table.signatures),
        *(latex(remark) for remark in table.remarks),
    ]
    if notes:
        yield r"\par\smallskip\begin{minipage}{\textwidth}\footnotesize\raggedright"
        yield " \\par\n".join(notes)
        yield r"\end{minipage}"
