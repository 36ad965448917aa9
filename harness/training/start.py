"""Where a training starts: at weights from a file, or from a part of them, and at random for the rest."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from harness.cards.method import MethodCard
from harness.errors import DataError, UsageError
from harness.networks.state import read_state
from harness.training.export import read_record
from harness.training.recipe import Recipe
from harness.training.trainable import Trainable
from harness.upscalers.weights import misfit, recognised


def start(
    trainable: Trainable, initial: Path | None, *, card: MethodCard, recipe: Recipe, device: torch.device
) -> tuple[str, ...]:
    """Load the first weights.

    Args:
        trainable: the network, on `device`.
        initial: the file (`--init`); None where there is none.
        card: the method that is trained.
        recipe: whether there must be one.
        device: where the network is.

    Returns:
        What the user should know: which tensors are frozen at random values.

    Raises:
        UsageError: the recipe is for fine-tuning, and there is no file; or it trains what the network has not.
        DataError: the file does not fit the method.
    """
    if initial is None and recipe.fine_tuning:
        raise UsageError(
            "This recipe fine-tunes a trained network.",
            found="no --init",
            todo="pass --init FILE; or --set recipe.fine_tuning=false, to train from random weights all the same",
        )
    _let_learn(trainable.module, recipe.only)
    known = trainable.module.state_dict()
    loaded = {} if initial is None else _fitting(initial, known, card)
    trainable.module.load_state_dict({name: value.to(device) for name, value in loaded.items()}, strict=False)
    frozen = [name for name, parameter in trainable.module.named_parameters() if not parameter.requires_grad]
    random = [name for name in frozen if name not in loaded]
    if random:
        return (f"{len(random)} tensors are frozen at random values (the first: {random[0]}): pass --init FILE.",)
    return ()


def _let_learn(module: nn.Module, part: str) -> None:
    """Freeze all but the parameters with `part` in their names."""
    names = [name for name, parameter in module.named_parameters() if parameter.requires_grad]
    if not any(part in name for name in names):
        raise UsageError(
            "Some parameter of the network should learn.",
            found=f"none with '{part}' in its name",
            todo=f"set recipe.only to a part of names such as {', '.join(names[:3])}",
        )
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(parameter.requires_grad and part in name)


def _fitting(initial: Path, known: Mapping[str, Tensor], card: MethodCard) -> dict[str, Tensor]:
    state = read_state(initial)
    loaded = recognised(state, known)
    if loaded is None:
        raise DataError(
            f"{initial} does not fit '{card.name}'.",
            found=_other_options(initial, card) or misfit(state, known),
            todo="set the same options on both sides (--set options.KEY=VALUE), or use other weights: those that "
            "`harness train` has exported, or a file of the authors'",
        )
    return loaded


def _other_options(initial: Path, card: MethodCard) -> str:
    """The options that differ from those that an exported file was trained with; nothing for other files."""
    try:
        theirs = read_record(initial)[0].get("options")
    except DataError:
        return ""
    if not isinstance(theirs, Mapping):
        return ""
    return "; ".join(
        f"options.{key}: {theirs[key]} there, {value} here"
        for key, value in card.options.items()
        if key in theirs and theirs[key] != value
    )
