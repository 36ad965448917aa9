"""Weights are named files: found by their card, verified by hash, never unpickled.

`.safetensors` files are read by safetensors, everything else by `torch.load(weights_only=True)`, which refuses
whatever is not plain tensors.
"""

import hashlib
import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from harness.cards.method import LoadedWeights, WeightsFile
from harness.errors import DataError


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a weights file by key. Raises DataError for anything that is not one."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError, SafetensorError) as error:
        raise DataError(
            f"{path} cannot be read as weights.",
            found=str(error).splitlines()[0] if str(error) else type(error).__name__,
            todo="fetch the file again; a file that wants to run code while it loads is refused on purpose.",
        ) from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise DataError(f"{path} should be a state dict: names and tensors.", found=type(state).__name__)
    return state


def load_weights(module: nn.Module, tag: str, weights: WeightsFile, *, folder: Path) -> LoadedWeights:
    """Load the card's file into `module`, strictly. Raises DataError: missing, other bytes, other shapes."""
    path = folder / weights.file
    if not path.is_file():
        raise DataError(
            f"The weights '{tag}' are wanted at {path}.",
            found="no such file",
            todo=f"get them from: {weights.source} (licence: {weights.licence}); or use --untrained for timing.",
        )
    digest = sha256_of(path)
    if weights.sha256 is not None and digest != weights.sha256:
        raise DataError(
            f"{path} is not the file that the card means.",
            found=f"SHA-256 {digest}, the card says {weights.sha256}",
            todo=f"fetch it again from: {weights.source}",
        )
    try:
        module.load_state_dict(read_state(path), strict=True)
    except RuntimeError as error:
        raise DataError(f"{path} does not fit this network.", found=str(error)) from error
    return LoadedWeights(tag=tag, file=weights.file, sha256=digest)
