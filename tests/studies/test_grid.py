"""The rows of a sweep."""

import pytest

from harness.cards import CardLibrary
from harness.errors import CardError, UsageError
from harness.records.study import StudyRow
from harness.studies.grid import own_values, parse_grid, sweep_rows

OWN = {"training.lambda_per": 0.1, "training.lambda_mcl": 0.1, "options.channels": 64, "recipe.channels": 1}


def rows(*grid: str, one_at_a_time: bool = False) -> tuple[tuple[StudyRow, ...], int | None]:
    return sweep_rows("stinet", parse_grid(grid), OWN, one_at_a_time=one_at_a_time)


def test_all_combinations_in_the_order_of_the_command() -> None:
    found, full = rows("training.lambda_per=0,0.1", "training.lambda_mcl=0.1,1")
    assert [tuple(row.changes.values()) for row in found] == [(0, 0.1), (0, 1), (0.1, 0.1), (0.1, 1)]
    assert full == 2
    assert found[0].name == "lambda_per=0, lambda_mcl=0.1"
    assert found[0].changes == {"training.lambda_per": 0, "training.lambda_mcl": 0.1}


def test_one_at_a_time_leaves_the_others_at_the_cards_values_and_repeats_nothing() -> None:
    found, full = rows("training.lambda_per=0,0.1,1", "training.lambda_mcl=0.1,1", one_at_a_time=True)
    assert [tuple(row.changes.values()) for row in found] == [(0, 0.1), (0.1, 0.1), (1, 0.1), (0.1, 1)]
    assert full == 1


def test_the_cards_own_row_is_there_only_where_the_grid_has_it() -> None:
    assert rows("training.lambda_per=0,1")[1] is None
    assert rows("training.lambda_per=0,1", one_at_a_time=True)[1] is None


def test_values_are_typed_and_taken_once() -> None:
    assert parse_grid(["a.b=0,1.5, true,graph,1.5"]) == {"a.b": (0, 1.5, True, "graph")}


def test_names_that_would_be_alike_are_whole() -> None:
    found, _ = rows("options.channels=8", "recipe.channels=1")
    assert found[0].name == "options.channels=8, recipe.channels=1"


@pytest.mark.parametrize("grid", [[], ["training.lambda_per"], ["=1"], ["a.b=1,,2"], ["a.b=1", "a.b=2"], ["a.b={}"]])
def test_what_is_no_grid(grid: list[str]) -> None:
    with pytest.raises(UsageError, match="--grid"):
        parse_grid(grid)


def test_a_key_that_nothing_has() -> None:
    with pytest.raises(UsageError, match=r"Did you mean 'training.lambda_per'"):
        rows("training.lamda_per=0")


def test_own_values_are_those_of_card_recipe_and_set() -> None:
    grid = parse_grid(["training.lambda_per=0"])
    sets = ["options.channels=8", "recipe.batch=2"]
    own = own_values("stinet", CardLibrary(), recipe="smoke", sets=sets, grid=grid)
    assert (own["training.lambda_per"], own["options.channels"]) == (0.1, 8)
    assert (own["recipe.batch"], own["recipe.iterations"]) == (2, 4)
    with pytest.raises(UsageError, match=r"both name training\.lambda_per"):
        own_values("stinet", CardLibrary(), recipe="smoke", sets=["training.lambda_per=1"], grid=grid)
    with pytest.raises(UsageError, match="names no recipe"):
        own_values("bicubic", CardLibrary(), recipe=None, sets=[], grid=grid)
    with pytest.raises(CardError, match="Unknown recipe"):
        own_values("stinet", CardLibrary(), recipe="smook", sets=[], grid=grid)
