"""How fast earlier trainings were, by what a step costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from harness.cards.method import MethodCard
from harness.errors import DataError
from harness.training.export import read_record
from harness.training.folder import WEIGHTS

_OF_RECIPE = ("batch", "accumulate", "crop", "input_frames", "rate", "rates", "precision", "channels_last")
_OF_LOSSES = ("mcl_absolute", "mcl_relative", "mcl_flow")


@dataclass(frozen=True)
class Known:
    """An earlier training.

    Args:
        cost: what decides how long a step takes, see `cost_of`.
        device: its title.
        step: seconds of a step, validations and checkpoints included.
    """

    cost: Mapping[str, object]
    device: str
    step: float


def cost_of(identity: Mapping[str, Any]) -> dict[str, object]:
    """What of a training decides how long a step takes: network, losses (their weights do not), crops, precision."""
    losses, recipe = identity["training"], identity["recipe"]
    return {
        "method": identity["method"],
        "ssr": losses["ssr"],
        "perceptual": losses["lambda_per"] > 0,
        "motion": [losses[key] for key in _OF_LOSSES] if losses["lambda_mcl"] > 0 else [],
        **{key: recipe[key] for key in _OF_RECIPE},
    }


def known_trainings(results: Path) -> tuple[Known, ...]:
    """The finished trainings below a results folder, by one process each; what cannot be read tells nothing."""
    found = (_known(path) for path in sorted(results.glob(f"training/*/{WEIGHTS}")))
    return tuple(one for one in found if one is not None)


def _known(weights: Path) -> Known | None:
    try:
        card, record = read_record(weights)
        method = MethodCard.model_validate(card).decisive()
        told = cast(dict[str, Any], record)
        if told["processes"] != 1:
            return None
        cost = cost_of({"method": method, "training": told["training"], "recipe": told["recipe"]})
        return Known(cost, str(told["device"]), float(told["seconds"]) / int(told["iterations"]))
    except (DataError, ValidationError, KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
