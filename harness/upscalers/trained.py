"""Weights by path, and how they were made: what a file of `harness train` says of itself.

The record inside a file is somebody's text: it is read as data, and what does not read as a record says nothing.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from harness.cards.method import MethodCard, Training, WeightsFile
from harness.cards.overrides import written
from harness.errors import DataError, UsageError
from harness.networks.state import read_metadata

_KEPT = 8
"""Digits of a training's key that name its weights."""


def training_of(path: Path) -> Training | None:
    """How the weights were trained; None where their file does not say."""
    try:
        record = json.loads(read_metadata(path)["training"])
        recipe, data = record["recipe"], record["data"]
        return Training(
            key=record["key"],
            setting=record.get("setting", ""),
            data=data["name"],
            iterations=record["iterations"],
            batch=recipe["batch"],
            crop=recipe["crop"],
            max_seconds=recipe["max_seconds"],
            fine_tuned=bool(record["initial"]),
            seed=record["seed"],
            options=record["training"],
        )
    except (KeyError, TypeError, ValueError, ValidationError):
        return None


def with_weights(card: MethodCard, path: Path) -> tuple[MethodCard, str]:
    """A method with the weights of one file instead of those of its card, and their tag.

    The tag of what `harness train` has made is the start of the training's key, else the name of the file.

    Raises:
        UsageError: the method has two networks.
        DataError: no such file, or it was trained as another method: `flow = "raw"` has the layers of "adapted".
    """
    if card.network is None:
        raise UsageError(
            f"--weights is for methods of one network; '{card.name}' has two.",
            todo="name each one's file in its card, under [weights.TAG]",
        )
    if not path.is_file():
        raise DataError("--weights wants a file of weights.", found=f"no file {path}")
    _check_card(card, path)
    training = training_of(path)
    tag = training.key[:_KEPT] if training is not None else path.stem
    file = WeightsFile(file=path.name, source=f"--weights {path}", licence="not stated")
    return card.model_copy(update={"weights": {tag: file}}), tag


def _check_card(card: MethodCard, path: Path) -> None:
    """Refuse weights that were trained with other options than those they are to be run with."""
    try:
        inside = json.loads(read_metadata(path)["card"])
        trained: Mapping[str, object] = inside["options"]
        network = inside["network"]
        changed = sorted(key for key in trained.keys() | card.options.keys() if trained[key] != card.options[key])
    except (KeyError, TypeError, ValueError, AttributeError):
        return  # no card of ours inside, or of another version: the shapes must tell
    if network == card.network and changed:
        as_trained = " ".join(f"--set options.{key}={written(trained[key])}" for key in changed)
        raise DataError(
            f"{path} was trained with other options than '{card.name}' has now.",
            found=", ".join(f"{key} is {written(trained[key])} in the file" for key in changed),
            todo=f"run it as it was trained: {as_trained}",
        )
