"""What is written down of a study for people: its name, the names of its logs, its budget in words."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from harness.cards.base import Name
from harness.errors import UsageError
from harness.training.recipe import Recipe
from harness.training.sources import Source

RESERVED = ("i", "ii", "iii", "iv", "v", "vi", "leaderboard")
"""What `harness table` shows under these names is no study."""

_MOST = 80


def check_name(name: str) -> None:
    """Raises UsageError for a name that no study can have."""
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError as error:
        raise UsageError(
            "--name wants lower-case letters, digits and . + _ -, at most 80 of them.", found=name
        ) from error
    if name in RESERVED:
        raise UsageError(f"A study cannot be named '{name}'.", found="`harness table` shows another table so")


def default_name(*parts: str) -> str:
    """The name of a study that was given none: what it is about."""
    return re.sub(r"[^a-z0-9.+_]+", "-", "-".join(parts).lower()).strip("-.+_")[:_MOST]


def log_names(rows: Sequence[str]) -> list[str]:
    """A file name for every row, each another one."""
    names: list[str] = []
    for row in rows:
        plain = re.sub(r"[^a-z0-9.=_]+", "-", row.lower()).strip("-.") or "row"
        names.append(plain if plain not in names else f"{plain}-{len(names) + 1}")
    return names


def budget_in_words(
    name: str, recipe: Recipe, source: Source, identity: Mapping[str, Any], sets: Sequence[str]
) -> str:
    """Recipe, data and what all rows share, for the signature of a table."""
    values = {
        "batch": str(recipe.batch),
        "crop": str(recipe.crop),
        "iterations": str(recipe.iterations),
        **({"max_seconds": f"{recipe.max_seconds:g}"} if recipe.max_seconds else {}),
        "precision": recipe.precision,
        "lr": f"{recipe.learning_rate:g}",
    }
    shown = ",".join(f"{key}:{value}" for key, value in values.items())
    parts = [f"trained:{source.name}", f"recipe:{name}({shown})"]
    if identity["initial"]:
        parts.append(f"init:{identity['initial'][:8]}")
    of_card = [text.strip() for text in sets if not text.strip().startswith("recipe.")]
    if of_card:
        parts.append(f"set:{','.join(of_card)}")
    return "|".join(parts)
