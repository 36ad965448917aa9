"""Weights that are added to the weights folder: recognised, verified, and kept as tensors under our names.

What was published is a pickle under names of its authors. What is kept is a safetensors file under ours, which says
of itself what it was made of. Nothing of the pickle is run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from harness.cards.method import MethodCard
from harness.cards.weights import converted
from harness.errors import DataError, UsageError
from harness.files import whole_file
from harness.names import suggest
from harness.networks.state import read_metadata, sha256_of
from harness.upscalers.published import check_bytes, read_published
from harness.upscalers.weights import KEY_MAPS, Origin, misfits, spellings

_MOST_NAMED = 8


@dataclass(frozen=True)
class Added:
    """What was added.

    Args:
        path: where it lies.
        tag: which weights of the card it is.
        key_map: the key table that made the names ours; None where they were.
        parameters: numbers in it.
        proof: how sure it is that these are the published weights, in words.
    """

    path: Path
    tag: str
    key_map: str | None
    parameters: int
    proof: str


def add_weights(
    files: Sequence[Path],
    card: MethodCard,
    trained: nn.Module,
    *,
    tag: str | None,
    folder: Path,
    unverified: bool = False,
    replace: bool = False,
) -> Added:
    """Add what the authors of a method publish to the weights folder.

    Args:
        files: the file, or the files or the archive that the weights come in.
        card: a method of one network.
        trained: the network that the card describes.
        tag: which weights of the card; needed where it names several and neither hash nor file name tells.
        folder: the weights folder.
        unverified: take other bytes than the card means, if they fit.
        replace: take the place of weights that were added before.

    Raises:
        UsageError: the card names no weights, or it is not clear which of several these are.
        DataError: they cannot be read, are others, do not fit, or cannot be kept.
    """
    for path in files:
        if not path.is_file():
            raise DataError("A file of weights is wanted.", found=f"no file {path}")
    tag = _tag(files, card, tag)
    weights = card.weights[tag]
    module = import_module(KEY_MAPS[weights.key_map].partition(":")[0]) if weights.key_map in KEY_MAPS else None
    state = read_published(files, weights, getattr(module, "PARTS", {}))
    key_map, ours = _fitting(state, trained.state_dict(), weights.key_map, whose=f"{_names(files)} for '{card.name}'")
    alone = len(files) == 1 and not unverified
    proof = check_bytes(files[0], weights) if alone else "not compared with the published bytes"
    origin = Origin(
        files={file.name: sha256_of(file) for file in files},
        key_map=key_map,
        method=card.name,
        unverified=unverified,
    )
    path = folder / converted(weights.file)
    _keep(path, ours, origin, replace=replace, given=files[0])
    return Added(path, tag, key_map, sum(value.numel() for value in ours.values()), proof)


def _tag(files: Sequence[Path], card: MethodCard, tag: str | None) -> str:
    """Which weights of the card these are: as said, or the only ones, or those of this hash, or of this name."""
    if not card.weights:
        raise UsageError(
            f"The card of '{card.name}' names no weights.",
            todo="name the file under [weights.TAG] of a card, see docs/add-a-method.md; "
            "weights of `harness train` need not be added: harness run --weights FILE",
        )
    if tag is not None:
        if tag not in card.weights:
            raise UsageError(f"'{card.name}' has no weights '{tag}'.", todo=suggest(tag, card.weights))
        return tag
    if len(card.weights) == 1:
        return next(iter(card.weights))
    names = {path.name for path in files}
    digests = {sha256_of(path) for path in files}
    alike = [
        name
        for name, weights in card.weights.items()
        if weights.sha256 in digests or Path(weights.file).name in names
    ]
    if len(alike) == 1:
        return alike[0]
    raise UsageError(
        f"'{card.name}' names several weights: {', '.join(card.weights)}.",
        found=f"nothing in {', '.join(sorted(names))} says which of them it is",
        todo=f"say it: --method {card.name}@{next(iter(card.weights))}",
    )


def _names(files: Sequence[Path]) -> str:
    return ", ".join(map(str, files))


def _fitting(
    state: dict[str, Tensor], wanted: dict[str, Tensor], expected: str | None, *, whose: str
) -> tuple[str | None, dict[str, Tensor]]:
    """The state under our names, and by which key table. Raises DataError: by none is it the whole network."""
    spelt = list(spellings(state))
    closest, words = 0, ["no tensors"]
    for key_map, ours in spelt:
        wrong = misfits(wanted, ours)
        if not wrong:
            return key_map, ours
        if len(ours.keys() & wanted.keys()) > closest:
            closest, words = len(ours.keys() & wanted.keys()), wrong
    more = [f"and {len(words) - _MOST_NAMED} more"] if len(words) > _MOST_NAMED else []
    tables = [table for table, _ in spelt if table is not None]
    hint = f"its names are those of {' or '.join(tables)}: " if tables and expected not in tables else ""
    raise DataError(
        f"The weights should fit the network: {whose}.",
        found="\n       ".join(words[:_MOST_NAMED] + more),
        todo=hint + "name the method that the file was published for (`harness weights list`), or fetch it again",
    )


def _keep(path: Path, state: dict[str, Tensor], origin: Origin, *, replace: bool, given: Path) -> None:
    """Write the tensors, with where they are from; what was trained here is kept as it is, with its own record."""
    own = "training" in read_metadata(given)
    tensors = {name: value.detach().clone(memory_format=torch.contiguous_format) for name, value in state.items()}
    content = given.read_bytes() if own else save(tensors, metadata={"added": origin.model_dump_json()})
    if path.is_file() and path.read_bytes() != content and not replace:
        raise DataError(f"{path} is there, and it is another file.", todo="keep it; or take its place with --replace")
    try:
        with whole_file(path) as file:
            file.write(content)
    except OSError as error:
        raise DataError(
            f"{path} cannot be written.",
            found=error.strerror or str(error),
            todo="make room, or name another folder by HARNESS_WEIGHTS; what was there is kept",
        ) from error
