"""`--set options.window=4`: overrides in TOML's value syntax, typed by the cards' own models.

A key starts with what it changes: `protocol.` and `dataset.` for those cards, `ops.` for who computes an operator
(`ops.deform_conv=mmcv`, see harness.ops.choice), anything else (`options.`, `interpolation.options.`, ...) for the
method card.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from harness.cards.library import CardT, merge, validate
from harness.errors import UsageError

_IDENTITY = ("name", "extends", "network", "family")
_STAGES = ("interpolation", "super_resolution")


@dataclass(frozen=True)
class Overrides:
    """What the command line changes: cards of a run, each a nested table like the card's own, and operators."""

    method: dict[str, Any] = field(default_factory=dict)
    dataset: dict[str, Any] = field(default_factory=dict)
    protocol: dict[str, Any] = field(default_factory=dict)
    ops: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, assignments: Iterable[str]) -> "Overrides":
        """Read `key.path=value` strings. Raises UsageError for anything else."""
        tables: dict[str, dict[str, Any]] = {"method": {}, "dataset": {}, "protocol": {}, "ops": {}}
        for assignment in assignments:
            path, equals, text = assignment.partition("=")
            keys = path.strip().split(".")
            if not equals or not all(keys):
                raise UsageError("--set wants KEY=VALUE.", found=assignment, todo="for example options.window=4")
            target = keys.pop(0) if keys[0] in ("dataset", "protocol", "ops") else "method"
            if not keys:
                what = "operator" if target == "ops" else f"key of the {target} card"
                raise UsageError(f"--set {target}=... names no {what}.", found=assignment)
            table: dict[str, object] = {keys[-1]: parse_value(text.strip())}
            for key in reversed(keys[:-1]):
                table = {key: table}
            tables[target] = merge(tables[target], table)
        return cls(**tables)

    def apply(self, card: CardT) -> CardT:
        """The card with these overrides. Raises CardError when a key or a value does not fit."""
        tables = {"MethodCard": self.method, "DatasetCard": self.dataset, "ProtocolCard": self.protocol}
        over = tables[type(card).__name__]
        return changed(card, over, origin="--set") if over else card


def changed(card: CardT, over: dict[str, Any], *, origin: str) -> CardT:
    """`card` with the nested table `over` laid on it, validated anew.

    What a card is (its name, parent and networks) stays: the name keeps its meaning, and the weights their network.
    """
    forbidden = [key for key in over if key in _IDENTITY]
    forbidden += [f"{stage}.network" for stage in _STAGES if "network" in _table(over.get(stage))]
    if forbidden:
        raise UsageError(
            f"{origin} cannot change what '{card.name}' is.",
            found=", ".join(forbidden),
            todo="name another card, `INTERPOLATOR+SUPER-RESOLVER`, or write a card that extends this one.",
        )
    return validate(type(card), merge(card.model_dump(), over), origin=f"{origin} on '{card.name}'")


def _table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def parse_value(text: str) -> object:
    """A TOML value (4, 0.1, true, [1, 2], "text"); anything that is not one is taken as text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def written(value: object) -> str:
    """A value as `--set` takes it; `parse_value` reads it back."""
    return str(value).lower() if isinstance(value, bool) else str(value)
