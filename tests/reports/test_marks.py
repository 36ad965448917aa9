"""Best and second best: by rule and by property."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.reports.marks import mark_blocks, marks_of
from harness.reports.model import Block, Cell, Column, Mark, Row, printed


def cell(value: float | None, *, decimals: int = 2, rankable: bool = True) -> Cell:
    if value is None:
        return Cell.empty("none")
    return Cell(value=value, text=printed(value, decimals), rankable=rankable)


def column(*, higher: bool | None = True) -> Column:
    return Column("vid4", "Vid4", "psnr-y", "PSNR", "dB", 2, higher)


@pytest.mark.parametrize(
    ("values", "higher", "expected"),
    [
        ([3.0, 1.0, 2.0], True, ["best", "", "second"]),
        ([3.0, 1.0, 2.0], False, ["", "best", "second"]),
        ([2.0, 2.0, 1.0], True, ["best", "best", "second"]),
        ([3.0, 2.0, 2.0], True, ["best", "second", "second"]),
        ([2.001, 2.004, 1.0], True, ["best", "best", "second"]),  # equal as printed
        ([2.0, 1.0], True, ["best", ""]),
        ([2.0], True, [""]),
        ([None, 2.0, None], True, ["", "", ""]),
        ([2.0, 2.0, 2.0], True, ["best", "best", "best"]),
        ([float("inf"), 40.0, 39.0], True, ["best", "second", ""]),
        ([3.0, 1.0, 2.0], None, ["", "", ""]),
    ],
)
def test_marks(values: list[float | None], higher: bool | None, expected: list[Mark]) -> None:
    assert marks_of([cell(value) for value in values], higher_is_better=higher) == expected


def test_partial_numbers_are_never_marked_and_never_push_others_down() -> None:
    cells = [cell(9.0, rankable=False), cell(3.0), cell(2.0), cell(1.0)]
    assert marks_of(cells, higher_is_better=True) == ["", "best", "second", ""]


def test_groups_compete_by_themselves_even_across_blocks() -> None:
    def row(name: str, value: float, group: str) -> Row:
        return Row(name, name, 2, (cell(value),), group)

    blocks = (
        Block("one", (row("a", 1.0, "x"), row("b", 2.0, "x"), row("c", 9.0, ""))),
        Block("two", (row("d", 3.0, "x"), row("e", 0.1, "y"), row("f", 0.2, "y"))),
    )
    marked = mark_blocks(blocks, [column()])
    assert [row.cells[0].mark for block in marked for row in block.rows] == ["", "second", "", "best", "", "best"]


values = st.lists(st.one_of(st.none(), st.floats(-50, 50)), max_size=12)


@given(values, st.booleans())
def test_best_beats_second_and_second_beats_the_rest(listed: list[float | None], higher: bool) -> None:
    cells = [cell(value) for value in listed]
    marks = marks_of(cells, higher_is_better=higher)
    sign = 1 if higher else -1
    seen: dict[Mark, list[float]] = {"best": [], "second": [], "": []}
    for one, mark in zip(cells, marks, strict=True):
        if one.value is None:
            assert mark == ""
        else:
            seen[mark].append(sign * float(one.text))
    for better, worse in (("best", "second"), ("best", ""), ("second", "")):
        if seen[better] and seen[worse]:  # type: ignore[index]
            assert min(seen[better]) > max(seen[worse])  # type: ignore[index]
    # All that are tied share the mark.
    assert all(len(set(seen[mark])) <= 1 for mark in ("best", "second"))


@given(values)
def test_the_direction_turns_the_marks_around(listed: list[float | None]) -> None:
    mirrored = [None if value is None else -value for value in listed]
    assert marks_of([cell(value) for value in listed], higher_is_better=True) == marks_of(
        [cell(value) for value in mirrored], higher_is_better=False
    )
