"""Where cards are found, and how `extends` becomes one resolved card.

Shipped cards lie in `methods/` and `datasets/` (in a wheel: harness/shipped/). A user's folders
(`--cards DIR`, HARNESS_CARDS) are laid out alike; they add cards, and may not replace shipped ones, because a
name must mean the same thing in everybody's tables. Cards are data: reading one never runs code and never
leaves its folder.
"""

import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import ValidationError

from harness.cards.base import Card, Model
from harness.cards.dataset import DatasetCard, Manifest
from harness.cards.method import MethodCard, Stage, StageRole
from harness.cards.protocol import ProtocolCard
from harness.cards.validation import explain
from harness.errors import CardError
from harness.names import suggest

CardT = TypeVar("CardT", bound=Card)
ModelT = TypeVar("ModelT", bound=Model)
Raw = dict[str, Any]

_PACKAGE = Path(__file__).resolve().parents[1]
_NOT_INHERITED = ("rows", "notes", "summary", "weights")
"""What describes the parent alone: other options mean another row, and weights that do not fit."""

_KINDS: dict[type[Card], tuple[str, str]] = {
    MethodCard: ("methods", "method"),
    DatasetCard: ("datasets", "dataset"),
    ProtocolCard: ("datasets/protocols", "protocol"),
}


def shipped_folder(name: str) -> Path:
    """The folder `name` of the shipped data: beside the package in a checkout, inside it in a wheel."""
    inside = _PACKAGE / "shipped" / name
    elsewhere = {"reported": "results/reported", "goldens": "tests/references"}
    beside = _PACKAGE.parent / elsewhere.get(name, name)
    return inside if inside.is_dir() else beside


def card_folders(extra: Iterable[Path] = ()) -> tuple[Path, ...]:
    """The user's card folders: `--cards` first, then HARNESS_CARDS (separated like PATH)."""
    listed = [Path(part) for part in os.environ.get("HARNESS_CARDS", "").split(os.pathsep) if part]
    folders = tuple(dict.fromkeys(folder.absolute() for folder in (*extra, *listed)))
    for folder in folders:
        if not folder.is_dir():
            raise CardError(
                f"The card folder '{folder}' is wanted.",
                found="there is no such folder",
                todo="give --cards (or HARNESS_CARDS) a folder that holds methods/ or datasets/.",
            )
    return folders


@dataclass(frozen=True)
class CardLibrary:
    """All cards that this process can see.

    Args:
        folders: user folders, each with methods/, datasets/ and datasets/protocols/ below it.
    """

    folders: tuple[Path, ...] = ()
    _resolved: dict[tuple[type[Card], str], Card] = field(default_factory=dict, repr=False, compare=False)

    def names(self, kind: type[CardT]) -> list[str]:
        """The names of all cards of one kind, sorted."""
        return sorted(self._files[kind])

    def path(self, kind: type[CardT], name: str) -> Path:
        """The file of a card. Raises CardError with the closest names when there is none."""
        files = self._files[kind]
        if name not in files:
            raise CardError(f"Unknown {_KINDS[kind][1]} '{name}'.", todo=suggest(name, files))
        return files[name]

    def method(self, name: str) -> MethodCard:
        """The resolved method card `name`; `A+B` without a card composes interpolator A with super-resolver B."""
        composed = name not in self._files[MethodCard] and name.count("+") == 1
        return self.with_stages(compose(name) if composed else self.load(MethodCard, name))

    def stage_card(self, stage: Stage, role: StageRole) -> MethodCard | None:
        """The card of a stage's own: the one of family `role` that its `network` names. None where there is none.

        Raises CardError when `network` names the card of the other role.
        """
        if stage.network not in self._files[MethodCard]:
            return None
        card = self.load(MethodCard, stage.network)
        if card.family == role:
            return card
        if card.family in get_args(StageRole):
            raise CardError(
                f"'{stage.network}' cannot be the {role} of a two-stage method.",
                found=f"a card of family '{card.family}'",
            )
        return None

    def with_stages(self, card: MethodCard) -> MethodCard:
        """`card` with what the cards of its stages say: network, options, weights, citations and notes.

        What a stage says itself counts: its options one by one, its weights as a whole.
        """
        if card.interpolation is None or card.super_resolution is None:
            return card
        first = self.stage_card(card.interpolation, "interpolator")
        second = self.stage_card(card.super_resolution, "super-resolver")
        own = [part for part in (first, second) if part is not None]
        return card.model_copy(
            update={
                "interpolation": _completed(card.interpolation, first),
                "super_resolution": _completed(card.super_resolution, second),
                "citation": (*card.citation, *(entry for part in own for entry in part.citation)),
                "notes": (*card.notes, *(note for part in own for note in part.notes)),
            }
        )

    def dataset(self, name: str) -> DatasetCard:
        """The resolved dataset card `name`."""
        return self.load(DatasetCard, name)

    def protocol(self, name: str) -> ProtocolCard:
        """The resolved protocol card `name`."""
        return self.load(ProtocolCard, name)

    def load(self, kind: type[CardT], name: str) -> CardT:
        """Read, merge with its parents, and validate one card. Raises CardError."""
        key = (kind, name)
        if key not in self._resolved:
            raw = self.raw(kind, name)
            if "extends" in raw:
                self.load(kind, raw["extends"])  # a mistake in the parent is told of the parent
            self._resolved[key] = validate(kind, raw, origin=str(self.path(kind, name)))
        card = self._resolved[key]
        if not isinstance(card, kind):
            raise TypeError(f"{name} is a {type(card).__name__}, not a {kind.__name__}")
        return card

    def raw(self, kind: type[CardT], name: str, *, seen: tuple[str, ...] = ()) -> Raw:
        """A card's tables after `extends`, before validation."""
        path = self.path(kind, name)
        if name in seen:
            raise CardError(
                f"Card '{name}' extends itself.",
                found=" -> ".join((*seen, name)),
                todo=f"break the circle in {path}.",
            )
        own = read_toml(path)
        if "name" in own:
            raise CardError(
                f"{path}: a card is named by its file.", found="a key `name`", todo="remove the key `name`."
            )
        parent = own.get("extends")
        if parent is None:
            return {**own, "name": name}
        if not isinstance(parent, str) or parent not in self._files[kind]:
            raise CardError(
                f"{path}: `extends` must name a {_KINDS[kind][1]} card.",
                found=repr(parent),
                todo=suggest(str(parent), self._files[kind]),
            )
        inherited = self.raw(kind, parent, seen=(*seen, name))
        inherited = {key: value for key, value in inherited.items() if key not in _NOT_INHERITED}
        return {**merge(inherited, own), "name": name}

    def manifest(self, card: DatasetCard) -> Manifest:
        """The manifest of a dataset card; an empty one where the card names none."""
        if card.manifest is None:
            return Manifest()
        folder = self.path(DatasetCard, card.name).parent
        path = (folder / card.manifest).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise CardError(f"{card.name}: the manifest must lie beside the card.", found=card.manifest)
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CardError(f"The manifest {path} cannot be read.", found=str(error)) from error
        return validate(Manifest, raw, origin=str(path))

    @cached_property
    def _files(self) -> dict[type[Card], dict[str, Path]]:
        return {kind: self._find(kind, folder) for kind, (folder, _) in _KINDS.items()}

    def _find(self, kind: type[Card], folder: str) -> dict[str, Path]:
        head, _, tail = folder.partition("/")
        files: dict[str, Path] = {}
        pattern = "*.toml" if kind is not MethodCard else "**/*.toml"
        shipped = shipped_folder(head)
        for base, root in ((shipped, shipped / tail), *((user, user / folder) for user in self.folders)):
            for path in sorted(root.glob(pattern)):
                inside = path.resolve().is_relative_to(base.resolve())
                if path.stem in files or not inside:
                    found = f"another card of that name: {files[path.stem]}" if inside else "a link out of its folder"
                    raise CardError(f"The card {path} cannot be used.", found=found, todo="rename or remove it.")
                files[path.stem] = path
        return files


def _completed(stage: Stage, card: MethodCard | None) -> Stage:
    if card is None or card.network is None:
        return stage
    options = {**card.options, **stage.options}
    return Stage(network=card.network, options=options, weights=stage.weights or card.weights)


def compose(name: str) -> MethodCard:
    """The card of an `interpolator+super-resolver` that nobody wrote down."""
    first, _, second = name.partition("+")
    raw: Raw = {
        "name": name,
        "title": name,
        "family": "two-stage",
        "interpolation": {"network": first},
        "super_resolution": {"network": second},
    }
    return validate(MethodCard, raw, origin=f"the method name '{name}'")


def compose_plugin(network: str) -> MethodCard:
    """The card of a network that was registered from outside and has none: a method of the same name."""
    raw: Raw = {"name": network, "title": network, "family": "one-stage", "network": network}
    return validate(MethodCard, raw, origin=f"the network name '{network}'")


def read_toml(path: Path) -> Raw:
    """Parse one TOML file. Raises CardError with file, line and column."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise CardError(f"The card {path} cannot be read.", found=str(error), todo="mend the file.") from error


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> Raw:
    """`over` laid on `base`: tables are merged key by key, everything else is replaced."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def validate(kind: type[ModelT], raw: Mapping[str, Any], *, origin: str) -> ModelT:
    """Validate tables as `kind`; the error names the file, the key and the closest known keys."""
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise CardError(f"{origin} is not valid.", found=explain(error, kind)) from error
