"""Weights are named files: found by their card, verified by hash, loaded strictly."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

from pydantic import ValidationError
from torch import Tensor, nn

from harness.cards.base import Model
from harness.cards.method import LoadedWeights, WeightsFile
from harness.cards.weights import find_weights
from harness.errors import CardError, DataError
from harness.names import suggest
from harness.networks.state import read_metadata, read_state, sha256_of
from harness.upscalers.trained import training_of

KEY_MAPS: dict[str, str] = {
    "abme-release": "harness.networks.abme.key_map:from_release",
    "bmbc-release": "harness.networks.bmbc.key_map:from_release",
    "rstt-release": "harness.networks.rstt.key_map:from_release",
    "dain-release": "harness.networks.dain.key_map:from_release",
    "davsr-release": "harness.networks.davsr.key_map:from_release",
    "rcan-release": "harness.networks.rcan:from_release",
    "edvr-release": "harness.networks.edvr.key_map:from_release",
    "rbpn-release": "harness.networks.rbpn:from_release",
    "etdm-release": "harness.networks.etdm.key_map:from_release",
    "starnet-release": "harness.networks.starnet.key_map:from_release",
    "sepconv-release": "harness.networks.sepconv:from_release",
    "stinet-release": "harness.networks.stinet.key_map:from_release",
    "stinet-s-sr": "harness.networks.stinet.key_map:initialisation_from_release",
    "s-sr-release": "harness.networks.stinet.key_map:super_resolution_from_release",
    "stinet-from-s-sr": "harness.networks.stinet.key_map:initialisation_from_alone",
    "tmnet-release": "harness.networks.tmnet.key_map:from_release",
    "tmnet-from-s-sr": "harness.networks.tmnet.key_map:super_resolution_from_alone",
    "tmnet-s-sr": "harness.networks.tmnet.key_map:super_resolution_from_release",
    "ttvsr-release": "harness.networks.ttvsr.key_map:from_release",
    "videoinr-release": "harness.networks.videoinr.key_map:from_release",
    "zooming-slow-mo-release": "harness.networks.zooming_slow_mo.key_map:from_release",
}
"""Key table of a checkpoint with other names, by the name that cards give it -> "module:function"."""

_MOST_NAMED = 3


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
    for _, ours in spellings(state):
        if ours and all(name in known and known[name].shape == value.shape for name, value in ours.items()):
            return ours
    return None


def misfit(state: dict[str, Tensor], known: Mapping[str, Tensor]) -> str:
    """In words, why a state is not `recognised`, in the spelling that comes closest."""
    closest = max((ours for _, ours in spellings(state)), key=lambda ours: len(ours.keys() & known.keys()))
    wanted = {name: value for name, value in known.items() if name in closest}  # a part would do
    return _in_words(misfits(wanted, closest)) or "no tensors"


def spellings(state: dict[str, Tensor]) -> Iterator[tuple[str | None, dict[str, Tensor]]]:
    """A state as it stands, and in the names of every key table that knows all of its names."""
    for key_map in (None, *KEY_MAPS):
        try:
            yield key_map, translate(state, key_map)
        except DataError:  # a name that this table does not know
            continue


def load_weights(
    module: nn.Module, tag: str, weights: WeightsFile, *, folder: Path, method: str = "METHOD"
) -> LoadedWeights:
    """Load the file of a method's card into `module`, strictly.

    Raises:
        DataError: it is missing, has other bytes, or other shapes.
    """
    path = find_weights(
        tag,
        weights,
        folder=folder,
        then=f"harness weights add FILE --method {method}@{tag}",
        otherwise="use --untrained, for timing; its scores are never shown in a table.",
    )
    digest, origin = sha256_of(path), origin_of(path)
    published = {digest} if origin is None else set(origin.files.values())
    if weights.sha256 not in {None, *published} and not (origin and origin.unverified):
        raise DataError(
            f"{path} is not the file that the card means.",
            found=f"SHA-256 {', '.join(sorted(published))}, the card says {weights.sha256}",
            todo=f"fetch it again from: {weights.source}",
        )
    state = read_state(path)
    try:
        state = translate(state, weights.key_map if origin is None else None)
    except DataError as error:
        raise DataError(f"{path}: {error.what}", found=error.found, todo=error.todo) from error
    try:
        module.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise DataError(
            f"{path} does not fit this network.",
            found=_in_words(misfits(module.state_dict(), state)) or str(error),
            todo="use weights of a network with the same options; see `[options]` and `key_map` of the card",
        ) from error
    return LoadedWeights(
        tag=tag,
        file=weights.file,
        sha256=digest,
        training=training_of(path),
        degradation=weights.degradation,
    )


class Origin(Model):
    """What an added file was made of.

    Args:
        files: the published files' names and SHA-256.
        key_map: by which key table the names became ours; None where they were.
        method: for which method.
        unverified: other bytes than the card meant were taken on purpose.
    """

    files: dict[str, str]
    key_map: str | None
    method: str
    unverified: bool = False


def origin_of(path: Path) -> Origin | None:
    """What an added file says it was made of; None for files that were not added."""
    try:
        return Origin.model_validate_json(read_metadata(path)["added"])
    except (KeyError, ValidationError):
        return None


def misfits(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """In what a state differs from the one that is wanted, a phrase for each tensor: wrong shapes, then names.

    >>> misfits({"a": torch.ones(2), "b": torch.ones(1)}, {"a": torch.ones(3), "c": torch.ones(1)})
    ['a should be (2) and is (3)', 'b is missing', 'c is unknown']
    """
    shapes = [
        f"{name} should be {_shape(value)} and is {_shape(found[name])}"
        for name, value in wanted.items()
        if name in found and found[name].shape != value.shape
    ]
    missing = [f"{name} is missing" for name in wanted if name not in found]
    return shapes + missing + [f"{name} is unknown" for name in found if name not in wanted]


def _in_words(misfits: list[str]) -> str:
    """The first few, and how many more there are."""
    more = f"; and {len(misfits) - _MOST_NAMED} more" if len(misfits) > _MOST_NAMED else ""
    return "; ".join(misfits[:_MOST_NAMED]) + more


def _shape(tensor: Tensor) -> str:
    return f"({', '.join(map(str, tensor.shape))})"
