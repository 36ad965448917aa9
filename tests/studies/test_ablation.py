"""Which rows of the paper's tables are trained."""

import pytest

from harness.cards import CardLibrary
from harness.errors import UsageError
from harness.records.reported import load_reported
from harness.studies.ablation import ablation_rows
from harness.upscalers import registry

REPORTED = load_reported()


@pytest.mark.parametrize(
    ("table", "numbers", "full"),
    [
        ("I", [19, 20, 21, 22, 23, 24], "STINet(Ours)"),
        ("III", [1, 2, 3], "STINet"),
        ("IV", [1, 2, 3, 4, 5, 6, 7, 8, 9], "STINet"),
        ("V", [1, 2, 3, 4, 5, 6], "MCL (STINet)"),
    ],
)
def test_the_rows_of_the_papers_tables(table: str, numbers: list[int], full: str) -> None:
    rows, index = ablation_rows(table, CardLibrary(), REPORTED)
    assert [row.paper_row for row in rows] == numbers
    assert index is not None
    assert (rows[index].name, rows[index].method) == (full, "stinet")
    printed = {(line.table, line.row): line.name for line in REPORTED}
    assert [row.name for row in rows] == [printed[table, number] for number in numbers]


def test_rates_are_compared_with_nothing() -> None:
    rows, full = ablation_rows("II", CardLibrary(), REPORTED)
    assert [(row.name, row.method, row.rate) for row in rows] == [
        ("STINet(3)", "stinet", 4),
        ("STINet(5)", "stinet", 6),
    ]
    assert full is None


def test_the_plain_method_is_added_where_a_table_has_no_row_of_it() -> None:
    without = [line for line in REPORTED if (line.table, line.method) != ("IV", "stinet")]
    rows, full = ablation_rows("IV", CardLibrary(), without)
    assert full == 8
    assert (rows[8].name, rows[8].method, rows[8].paper_row) == ("STINet", "stinet", None)


def test_networks_that_are_not_here_are_named_and_not_hard_coded(monkeypatch: pytest.MonkeyPatch) -> None:
    # "tmnet" is taken out, so that this holds in versions that have it, too.
    monkeypatch.delitem(registry._NETWORKS, "tmnet", raising=False)
    with pytest.raises(UsageError, match="not in this version: tmnet"):
        ablation_rows("VI", CardLibrary(), REPORTED)
    monkeypatch.setitem(registry._NETWORKS, "tmnet", registry._NETWORKS["stinet"])
    rows, full = ablation_rows("VI", CardLibrary(), REPORTED)
    assert [row.method for row in rows] == ["tmnet", "tmnet-w-hr", "tmnet-w-mcl", "tmnet-w-stgr"]
    assert full == 0


def test_a_table_that_the_paper_has_not() -> None:
    with pytest.raises(UsageError, match="Known names: I, II, III, IV, V, VI"):
        ablation_rows("IX", CardLibrary(), REPORTED)
