"""Weights are named files: found by their card, verified by hash, loaded strictly."""

import hashlib
from pathlib import Path

from torch import nn

from harness.cards.method import LoadedWeights, WeightsFile
from harness.errors import DataError
from harness.networks.state import read_state


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
