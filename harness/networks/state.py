"""Files of weights: read as plain tensors, never unpickled.

`.safetensors` files are read by safetensors, everything else by `torch.load(weights_only=True)`, which refuses
whatever is not plain tensors.

Toolkits save their state dict inside of another one, under a name of theirs; it is taken out.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from harness.errors import DataError

_CONTAINERS = ("params", "state_dict")
"""Under which BasicSR and the toolkits of OpenMMLab keep the tensors."""


def read_state(path: Path, *, name: str | None = None) -> dict[str, Tensor]:
    """The tensors of a weights file by key. Raises DataError for a file that is missing or is not one.

    Args:
        path: the file.
        name: what it is called in errors; default its path.
    """
    name = name or str(path)
    if not path.is_file():
        raise DataError("A file of weights is wanted.", found=f"no file {name}")
    try:
        safe = path.suffix == ".safetensors"
        state: object = load_file(path) if safe else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle may raise anything
        raise DataError(
            f"{name} cannot be read as weights.",
            found=_reason(error),
            todo="fetch the file again; a file that wants to run code while it loads is refused on purpose.",
        ) from error
    state = _unpacked(state)
    named = isinstance(state, Mapping) and all(isinstance(key, str) for key in state)
    if not isinstance(state, Mapping) or not named or not all(isinstance(value, Tensor) for value in state.values()):
        raise DataError(f"{name} should be a state dict: names and tensors.", found=type(state).__name__)
    return dict(state)


def read_metadata(path: Path) -> dict[str, str]:
    """What a safetensors file says of itself; nothing for files of other kinds and for damaged ones."""
    if path.suffix != ".safetensors":
        return {}
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError):
        return {}


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reason(error: Exception) -> str:
    """What is wrong with a file, without PyTorch's advice to load it all the same."""
    text = str(error)
    wanted = re.search(r"Unsupported global: GLOBAL (\S+)", text)
    if wanted is not None:
        return f"it wants to run {wanted[1]} while it loads"
    if "weights_only" in text:
        return "not a file that torch.save has written, or a damaged one"
    return f"{type(error).__name__}: {text.partition(chr(10))[0] or 'it ends too early'}"


def _unpacked(state: object) -> object:
    """The mapping inside of a container, and anything else as it is."""
    inside = [state[name] for name in _CONTAINERS if name in state] if isinstance(state, Mapping) else []
    return inside[0] if inside and isinstance(inside[0], Mapping) else state
