"""Checkpoints: all that training needs to go on as if it had never stopped, in one file that is whole or not there.

A checkpoint is written beside the old one, forced to disk, and then takes its name: whenever the machine stops, one
of both is there. It is read with `weights_only=True`, which runs no code. The sampler has no state (see `sampling`)
and the learning rate none either (see `optimisation`).
"""

import pickle
from pathlib import Path
from typing import Any, TypedDict

import torch
from torch import Tensor

from harness.errors import DataError, TrainingError
from harness.files import whole_file

FORMAT = 1


class Checkpoint(TypedDict):
    """What is kept.

    `identity` says what is trained on what; a run of another identity may not go on from it.
    `average` is the moving average of the weights, empty without one. `history` is for the training record.
    """

    format: int
    identity: dict[str, Any]
    iteration: int
    seconds: float
    model: dict[str, Tensor]
    optimizer: dict[str, Any]
    average: dict[str, Tensor]
    random: dict[str, Tensor]
    history: dict[str, Any]


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Where torch's random generators stand."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Put torch's random generators where they stood; that of a GPU only on one."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)


def write_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write atomically. Raises TrainingError when there is no room; the checkpoint that is there stays."""
    try:
        with whole_file(path) as file:
            torch.save(dict(checkpoint), file)
    except (OSError, RuntimeError) as error:
        kept = f"the checkpoint of before is whole: {path}" if path.exists() else "there is no checkpoint yet"
        raise TrainingError(
            f"The checkpoint {path} cannot be written; {kept}.",
            found=str(error).splitlines()[0],
            todo="make room, then give the same command again: it continues.",
        ) from error


def read_checkpoint(path: Path, *, identity: dict[str, Any]) -> Checkpoint | None:
    """The checkpoint of a run; None where it has none yet.

    Raises:
        DataError: it cannot be read, or it belongs to another run.
    """
    if not path.exists():
        return None
    try:
        kept: Checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        known = kept["format"] == FORMAT
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise DataError(
            f"The checkpoint {path} cannot be read.",
            found=str(error).splitlines()[0] if str(error) else type(error).__name__,
            todo="remove it to start anew, or use another --out.",
        ) from error
    differences = _differences(kept["identity"], identity) if known else ["its format"]
    if differences:
        raise DataError(
            f"{path.parent} holds the checkpoint of another training.",
            found="it differs in " + "; ".join(differences),
            todo="use another --out, or give the command that started it.",
        )
    return kept


def progress_of(path: Path) -> tuple[int, float]:
    """How far a checkpoint has come: iterations and seconds; (0, 0) where there is none that can be read.

    Loads no tensor.
    """
    try:
        kept: Checkpoint = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return int(kept["iteration"]), float(kept["seconds"])
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, TypeError, pickle.UnpicklingError):
        return 0, 0.0


def _differences(kept: dict[str, Any], wanted: dict[str, Any], *, at: str = "") -> list[str]:
    """The keys at which two nested tables differ, with both values."""
    found = []
    for key in sorted(kept.keys() | wanted.keys()):
        old, new = kept.get(key), wanted.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found += _differences(old, new, at=f"{at}{key}.")
        elif old != new:
            found.append(f"{at}{key}: {old} there, {new} here")
    return found
