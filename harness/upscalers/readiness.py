"""Whether a method can run here and now, and what it lacks. No torch: nothing is built, no file is opened.

A method is ready when this version has its networks and, for each network that is learned, one of the weights that
its card (or the card of its stage) names lies in the weights folder. Whether those are the right bytes is seen when
they are loaded.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.cards.library import CardLibrary
from harness.cards.method import MethodCard, WeightsFile
from harness.cards.weights import weights_folder, weights_path
from harness.upscalers.registry import NetworkEntry, networks

Status = Literal["ready", "lacks weights", "lacks its network"]


@dataclass(frozen=True)
class Readiness:
    """What can be said of a method before it is built.

    Args:
        status: one of three.
        reason: why, and what to do about it, in words.
        lacks: the networks that this version has not, or for which no weights are here.
    """

    status: Status
    reason: str
    lacks: tuple[str, ...] = ()


def readiness(card: MethodCard, library: CardLibrary, weights: Path | None = None) -> Readiness:
    """Whether the method of `card` can run.

    Args:
        card: a method card, with or without overrides.
        library: where the cards of its stages are found.
        weights: the weights folder; default HARNESS_WEIGHTS, else ./weights.
    """
    known, folder = networks(), weights_folder(weights)
    card = library.with_stages(card)
    missing = tuple(name for name in card.networks if name not in known)
    if missing:
        return Readiness("lacks its network", f"not in this version: {' and '.join(missing)}", missing)
    present, absent, advice = [], [], []
    for network, files in _learned(card, known):
        there = [tag for tag, file in files.items() if weights_path(file.file, folder).is_file()]
        present += [f"{network}@{tag}" for tag in there]
        if not there:
            absent.append(network)
            training = how_to_train(network, card, library)
            advice.append(_how_to_get(network, files, folder, training=training))
    if absent:
        return Readiness("lacks weights", "; ".join(advice), tuple(absent))
    return Readiness("ready", f"weights here: {', '.join(present)}" if present else "needs no weights")


def _learned(card: MethodCard, known: Mapping[str, NetworkEntry]) -> Iterator[tuple[str, Mapping[str, WeightsFile]]]:
    """The learned networks of a card, each with the weights that are named for it."""
    if card.network is not None:
        parts = [(card.network, card.weights)]
    else:
        stages = (card.interpolation, card.super_resolution)
        parts = [(stage.network, stage.weights) for stage in stages if stage is not None]
    return ((network, files) for network, files in parts if known[network].learned)


def _how_to_get(network: str, files: Mapping[str, WeightsFile], folder: Path, *, training: str) -> str:
    if not files:
        return f"the card names no weights of {network}: {training}"
    first = next(iter(files.values()))
    return f"{folder / first.file} is missing; get it from: {first.source}"


def how_to_train(network: str, card: MethodCard, library: CardLibrary) -> str:
    """What makes weights for a network of `card`: a command, where the card that trains it has a recipe."""
    if card.network is None and network in library.names(MethodCard):
        card = library.load(MethodCard, network)  # of the stage
    if card.recipe is None:
        return "train it"
    recipe = " --recipe evening" if card.recipe == "paper" else ""  # that one takes days
    return f"train it: harness train --method {card.name} --data DIR{recipe}"
