"""A job as commands: `harness train`, then `harness run` for every rate. Anybody can give them by hand."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.cards.overrides import written
from harness.training.recipe import split_assignments


@dataclass(frozen=True)
class Places:
    """Where a command finds things and puts them.

    Args:
        results: the results folder.
        data_root: where the datasets lie.
        cards: folders of the user's cards.
        plugins: files that register networks.
        initial: weights that every training starts from.
        vgg: VGG-19's weights.
    """

    results: Path
    data_root: Path
    cards: tuple[Path, ...] = ()
    plugins: tuple[Path, ...] = ()
    initial: Path | None = None
    vgg: Path | None = None

    def absolute(self) -> "Places":
        """The same, for a process that runs elsewhere."""
        return Places(
            results=self.results.absolute(),
            data_root=self.data_root.absolute(),
            cards=tuple(path.absolute() for path in self.cards),
            plugins=tuple(path.absolute() for path in self.plugins),
            initial=self.initial.absolute() if self.initial else None,
            vgg=self.vgg.absolute() if self.vgg else None,
        )

    def arguments(self) -> tuple[str, ...]:
        """What both verbs take."""
        cards = (part for path in self.cards for part in ("--cards", str(path)))
        plugins = (part for path in self.plugins for part in ("--plugin", str(path)))
        return ("--results", str(self.results), *cards, *plugins)


def assignments(common: Sequence[str], changes: Mapping[str, object]) -> tuple[str, ...]:
    """`--set`'s values of a row: those of all rows, then its own."""
    return (*common, *(f"{key}={written(value)}" for key, value in changes.items()))


def train_command(
    *, method: str, data: str, recipe: str | None, sets: Sequence[str], seed: int, half: bool, places: Places
) -> tuple[str, ...]:
    """The arguments of `harness train`, without --device."""
    given = (("--recipe", recipe), ("--init", places.initial), ("--vgg19", places.vgg))
    return (
        *("train", "--method", method, "--data", data),
        *(part for name, value in given if value is not None for part in (name, str(value))),
        *(part for text in sets for part in ("--set", text)),
        *("--seed", str(seed)),
        *(("--half",) if half else ()),
        *places.arguments(),
    )


def run_command(
    *, method: str, weights: Path, datasets: Sequence[str], rate: int, sets: Sequence[str], places: Places
) -> tuple[str, ...]:
    """The arguments of `harness run`, without --device. What only training sees is left out."""
    of_card, _ = split_assignments(sets)
    return (
        *("run", "--method", method, "--weights", str(weights)),
        *(part for name in datasets for part in ("--dataset", name)),
        *("--rate", str(rate)),
        *(part for text in of_card if not text.startswith("training.") for part in ("--set", text)),
        *("--data-root", str(places.data_root)),
        *places.arguments(),
        "--json",
    )


def in_words(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """A command as one types it."""
    settings = [f"{name}={shlex.quote(value)}" for name, value in (environment or {}).items()]
    return " ".join([*settings, shlex.join(["harness", *arguments])])
