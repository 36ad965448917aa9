"""Weights are named files: found by their card, verified by hash, loaded strictly."""

import hashlib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from torch import Tensor, nn

from harness.cards.method import LoadedWeights, WeightsFile
from harness.errors import CardError, DataError
from harness.names import suggest
from harness.networks.state import read_state
from harness.upscalers.readiness import weights_path

KEY_MAPS: dict[str, str] = {
    "stinet-release": "harness.networks.stinet.key_map:from_release",
    "stinet-s-sr": "harness.networks.stinet.key_map:initialisation_from_release",
}
"""Key table of a foreign checkpoint, by the name that cards give it -> "module:function"."""


def translate(state: dict[str, Tensor], key_map: str | None) -> dict[str, Tensor]:
    """A foreign checkpoint under our names. Raises CardError: no such table. DataError: not that checkpoint."""
    if key_map is None:
        return state
    if key_map not in KEY_MAPS:
        raise CardError(f"There is no key table '{key_map}'.", todo=suggest(key_map, KEY_MAPS))
    module, _, function = KEY_MAPS[key_map].partition(":")
    translated: dict[str, Tensor] = getattr(import_module(module), function)(state)
    return translated


def recognised(state: dict[str, Tensor], known: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """Weights, or a part of them, as they stand or in the spelling of any key table; None where they do not fit.

    Args:
        state: what a file holds.
        known: the state of the module that they are for.
    """
    for key_map in (None, *KEY_MAPS):
        try:
            ours = translate(state, key_map)
        except DataError:  # a name that this table does not know
            continue
        if ours and all(name in known and known[name].shape == value.shape for name, value in ours.items()):
            return ours
    return None


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_weights(module: nn.Module, tag: str, weights: WeightsFile, *, folder: Path) -> LoadedWeights:
    """Load the card's file into `module`, strictly. Raises DataError: missing, other bytes, other shapes."""
    path = weights_path(weights.file, folder)
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
    state = translate(read_state(path), weights.key_map)
    try:
        module.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise DataError(f"{path} does not fit this network.", found=str(error)) from error
    return LoadedWeights(tag=tag, file=weights.file, sha256=digest)
