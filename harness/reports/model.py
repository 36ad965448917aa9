"""One table, whatever it is printed as: columns, blocks of rows, marks, and what stands below it.

A `Table` knows nothing of Markdown or LaTeX; the emitters know nothing of runs. Numbers are printed once, here
(`Cell.text`), so that all formats show the same digits, and a tie is what a reader sees as one: equal as printed.
Texts of titles may use the paper's own mathematics, `s^H` and `l_{abs}` (harness.reports.typography).
"""

import math
from dataclasses import dataclass, field
from typing import Literal

from harness.records.seeds import Seeds

Mark = Literal["", "best", "second"]
Source = Literal["paper", "measured"]

EMPTY = "–"
"""Stands where there is no number; a note says why."""


@dataclass(frozen=True)
class Column:
    """One column of numbers.

    Args:
        dataset: name of the dataset card.
        heading: what stands above the columns of a dataset.
        metric: as in records (`psnr-y`), or the paper's (`psnr`, `ssim`, `fps`).
        title: `PSNR`.
        unit: `dB` or empty.
        decimals: digits after the point.
        higher_is_better: the direction of the arrow; None: no direction, no marks.
        source: whose numbers.
    """

    dataset: str
    heading: str
    metric: str
    title: str
    unit: str
    decimals: int
    higher_is_better: bool | None
    source: Source = "measured"

    @property
    def arrow(self) -> str:
        """The direction in which numbers get better."""
        return {True: "↑", False: "↓", None: ""}[self.higher_is_better]


@dataclass(frozen=True)
class OverClips:
    """A difference between two rows as `harness compare` sees it, frame scores averaged over seeds first.

    Args:
        clips: that were compared.
        interval: 95 % bootstrap interval over clips; None with fewer than two.
        p: two-sided, of the sign-flip test over clips.
        holm_p: the same, corrected for all differences of the table.
    """

    clips: int
    interval: tuple[float, float] | None
    p: float
    holm_p: float = 1.0


@dataclass(frozen=True)
class Cell:
    """One number, or the reason why there is none.

    Args:
        value: the number at full precision; None where there is none.
        text: as printed.
        notes: footnotes; what is missing or particular about the number.
        rankable: it may be marked: a paper's number, or the average of a complete benchmark.
        done: clips behind a measured number.
        expected: clips of the benchmark.
        signature: of a measured number.
        mark: best or second best of its group.
        seeds: what a mean over seeds is the mean of.
        spread: their standard deviation as printed, ` ± 0.05`; empty where there is none.
        over_clips: what clips say of a difference, where that was asked for.
    """

    value: float | None
    text: str = EMPTY
    notes: tuple[str, ...] = ()
    rankable: bool = False
    done: int | None = None
    expected: int | None = None
    signature: str = ""
    mark: Mark = ""
    seeds: Seeds | None = None
    spread: str = ""
    over_clips: OverClips | None = None

    @classmethod
    def empty(cls, reason: str) -> "Cell":
        """No number, and why."""
        return cls(value=None, notes=(reason,))

    @property
    def partial(self) -> bool:
        """A measured number of an incomplete benchmark, or of fewer seeds than were planned."""
        return self.value is not None and not self.rankable


@dataclass(frozen=True)
class Row:
    """One method at one rate.

    Args:
        method: name for machines; `name`: for people.
        rate: temporal factor.
        cells: one for each column.
        group: rows of one group compete for best and second best; an empty one does not compete.
        notes: footnotes of the whole row.
    """

    method: str
    name: str
    rate: int
    cells: tuple[Cell, ...]
    group: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Block:
    """Rows under one heading (empty: none)."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Table:
    """A table with everything that must be said with it.

    Args:
        key: `I`, `leaderboard`, `run`.
        caption: what it shows.
        columns: left to right.
        number: of the paper's table, `Table I`; empty for others.
        blocks: top to bottom.
        ranking: between whom best and second best are marked, in words.
        signatures: one line for each signature in the table, `Vid4: protocol:…`.
        remarks: what else a reader must know, such as runs that were left out.
    """

    key: str
    caption: str
    columns: tuple[Column, ...]
    blocks: tuple[Block, ...]
    number: str = ""
    ranking: str = ""
    signatures: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    footnotes: dict[str, str] = field(init=False)
    """Letter of each note, by its text, in reading order."""

    def __post_init__(self) -> None:
        notes = [
            note for row in self.rows for notes in (row.notes, *(cell.notes for cell in row.cells)) for note in notes
        ]
        letters = {note: letter(index) for index, note in enumerate(dict.fromkeys(notes))}
        object.__setattr__(self, "footnotes", letters)

    @property
    def heading(self) -> str:
        """Number and caption."""
        return f"{self.number}. {self.caption}" if self.number else self.caption

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows, whatever their block."""
        return tuple(row for block in self.blocks for row in block.rows)

    @property
    def marks(self) -> frozenset[Mark]:
        """The marks that must be explained."""
        return frozenset(cell.mark for row in self.rows for cell in row.cells if cell.mark)

    @property
    def partial(self) -> str:
        """What numbers that are set apart lack, in words; empty: there is none."""
        found = [cell for row in self.rows for cell in row.cells if cell.partial]
        seeds = any(cell.seeds is not None for cell in found)
        return "" if not found else "an incomplete benchmark" + (" or missing seeds" if seeds else "")

    def widest_spread(self, index: int) -> str:
        """The longest spread that is printed in a column: what the others leave room for."""
        return max((row.cells[index].spread for row in self.rows), key=len, default="")

    @property
    def two_sources(self) -> bool:
        """The paper's numbers and measured ones stand side by side: the header must say whose is whose."""
        return len({column.source for column in self.columns}) > 1

    def letters(self, item: Cell | Row) -> tuple[str, ...]:
        """The footnote letters of a cell or a row."""
        return tuple(self.footnotes[note] for note in item.notes)


def letter(index: int) -> str:
    """Letters a … z, then aa, ab, …; without q, which has no superscript in Unicode."""
    alphabet = "abcdefghijklmnoprstuvwxyz"
    head, tail = divmod(index, len(alphabet))
    return (letter(head - 1) if head else "") + alphabet[tail]


def printed(value: float, decimals: int) -> str:
    """A number as tables print it; -0.00 is 0.00, and infinity is ∞."""
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text


def signed(value: float, decimals: int) -> str:
    """A difference as tables print it: with its sign, but +0.00 is 0.00.

    >>> signed(0.123, 2), signed(-0.001, 2)
    ('+0.12', '0.00')
    """
    if math.isnan(value):
        return EMPTY
    text = printed(abs(value), decimals)
    return text if text.strip("0.") == "" else ("-" if value < 0 else "+") + text
