"""`--grid training.lambda_per=0,0.01,0.1,1`: which rows a sweep has."""

import itertools
from collections.abc import Mapping, Sequence

from harness.cards.library import CardLibrary
from harness.cards.method import MethodCard, OptionValue
from harness.cards.overrides import Overrides, parse_value, written
from harness.errors import UsageError
from harness.evaluation.plan import method_card
from harness.names import suggest
from harness.records.study import StudyRow
from harness.training.options import training_options
from harness.training.recipe import Recipe, load_recipe, split_assignments
from harness.training.train import no_recipe
from harness.upscalers.registry import typed_options

Grid = Mapping[str, Sequence[OptionValue]]


def parse_grid(assignments: Sequence[str]) -> dict[str, tuple[OptionValue, ...]]:
    """`KEY=VALUE,VALUE` strings to values by key, each value once. Raises UsageError."""
    grid: dict[str, tuple[OptionValue, ...]] = {}
    for assignment in assignments:
        key, equals, text = (part.strip() for part in assignment.partition("="))
        texts = [part.strip() for part in text.split(",")]
        if not equals or not key or not all(texts):
            raise UsageError(
                "--grid wants KEY=VALUE,VALUE,…", found=assignment, todo="for example training.lambda_per=0,0.1,1"
            )
        if key in grid:
            raise UsageError(f"--grid names {key} twice.", todo="put all of its values into one --grid")
        values = [value for value in map(parse_value, texts) if isinstance(value, bool | int | float | str)]
        if len(values) < len(texts):
            raise UsageError(f"--grid {key} wants numbers, words, true or false.", found=text)
        grid[key] = tuple(dict.fromkeys(values))
    if not grid:
        raise UsageError("A sweep wants --grid at least once.", todo="for example --grid training.lambda_per=0,0.1,1")
    return grid


def own_values(
    method: str, library: CardLibrary, *, recipe: str | None, sets: Sequence[str], grid: Grid
) -> dict[str, object]:
    """Every value that a grid may vary, as card, recipe and --set have it.

    Raises:
        UsageError: no recipe, or a key that --set sets, too.
    """
    both = [key for key in grid if key in {text.partition("=")[0].strip() for text in sets}]
    if both:
        raise UsageError(f"--grid and --set both name {both[0]}.", todo="leave one of them out")
    of_card, of_recipe = split_assignments(sets)
    card, _ = method_card(method, library, Overrides.parse(of_card))
    name = recipe or card.recipe
    if name is None:
        raise no_recipe(card.name)
    return values_of(card, load_recipe(name, Overrides.parse(of_recipe).method))


def values_of(card: MethodCard, recipe: Recipe) -> dict[str, object]:
    """Every value that a grid may vary, as the card and the recipe have it."""
    tables = {"training": training_options(card).model_dump(), "recipe": recipe.model_dump()}
    if card.network is not None:
        tables["options"] = typed_options(card.network, card.options).model_dump()
    return {f"{table}.{key}": value for table, values in tables.items() for key, value in values.items()}


def sweep_rows(
    method: str, grid: Grid, own: Mapping[str, object], *, one_at_a_time: bool = False
) -> tuple[tuple[StudyRow, ...], int | None]:
    """The rows of a sweep, and which of them has all of the card's own values.

    Args:
        method: the card.
        grid: the values of every key.
        own: the card's own values, see `values_of`.
        one_at_a_time: each key is varied while the others stay as in the card; else all combinations.

    Raises:
        UsageError: a key that no such value has, with close ones.
    """
    for key in grid:
        if key not in own:
            raise UsageError(f"--grid cannot vary '{key}'.", todo=suggest(key, own))
    base = {key: own[key] for key in grid}
    if one_at_a_time:
        every = [{**base, key: value} for key, values in grid.items() for value in values]
    else:
        every = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    rows: list[dict[str, object]] = []
    for changes in every:
        if changes not in rows:
            rows.append(changes)
    full = rows.index(base) if base in rows else None
    names = _short(tuple(grid))
    return tuple(
        StudyRow.model_validate(
            {
                "name": ", ".join(f"{names[key]}={written(value)}" for key, value in changes.items()),
                "method": method,
                "changes": changes,
            }
        )
        for changes in rows
    ), full


def _short(keys: Sequence[str]) -> dict[str, str]:
    """The last part of each key; the whole one where two would be alike."""
    last = [key.rpartition(".")[2] for key in keys]
    return {key: name if last.count(name) == 1 else key for key, name in zip(keys, last, strict=True)}
