"""`golden.json`: what is known about the network that made a reference, and so all of its weights.

Keys that are read, all but `state` optional:

    state               every entry of the authors' state dict with its shape, in order
    gain                of the weight rule, for entries of two or more dimensions
    gain_overrides      [text, gain] pairs: the first whose text is part of the key replaces `gain`
    shared              lists of keys that name one tensor; the last key of a list decides its values
    not_overwritten     entries that keep the values they are built with: names, or a sentence that has them
    checkpoints         several files in one `state`: their `prefix` is not part of the key for the rule
    state_dtypes_not_float32   integer entries; they, and every `num_batches_tracked`, stay as they are built
    tolerance           "1e-4", "2e-4 absolute (...)" or "1e-4 relative to ..."
    parameters          how many the network has (also: params_total)
    NAME_state, NAME_gain, NAME_gain_overrides   weights that the network takes from another file

Everything else (repository, licence, constructor, remarks) is for people.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator
from torch import Tensor

from harness.cards.validation import explain
from harness.errors import DataError
from harness.networks.parity.weights import entry

Overrides = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Tolerance:
    """How far a number may be off: in its own units, or as a part of the largest one of its array."""

    value: float
    relative: bool = False


DEFAULT_TOLERANCE = Tolerance(1e-4)


@dataclass(frozen=True)
class Entry:
    """One entry of a state dict as the rule needs it: the key that it hashes, shape and gain."""

    key: str
    shape: tuple[int, ...]
    gain: float


@dataclass(frozen=True)
class Golden:
    """The authors' network in numbers.

    Args:
        entries: what the rule decides, by the key in the authors' state dict.
        kept: entries that stay as they are built.
        parameters: how many the network has, where it is known.
        tolerance: how far outputs may be off.
    """

    entries: Mapping[str, Entry]
    kept: tuple[str, ...]
    parameters: int | None
    tolerance: Tolerance

    @classmethod
    def read(cls, path: Path) -> "Golden":
        """From a file. Raises DataError for one that is missing or of another format."""
        try:
            file = _File.model_validate_json(path.read_bytes())
            entries = dict(file.entries())
        except (OSError, ValidationError) as error:
            found = explain(error, _File) if isinstance(error, ValidationError) else str(error)
            raise DataError(f"{path} cannot be read as a golden.", found=found) from error
        kept = tuple(key for key in entries if file.is_integer(key) or file.is_constant(key))
        return cls(
            entries={key: value for key, value in entries.items() if key not in kept},
            kept=kept,
            parameters=file.parameters,
            tolerance=parse_tolerance(file.tolerance),
        )

    def weights(self, salt: str) -> dict[str, Tensor]:
        """The state dict under the authors' keys, without the entries that are kept."""
        return {
            name: entry(value.key, value.shape, salt=salt, gain=value.gain) for name, value in self.entries.items()
        }


def parse_tolerance(text: str | float) -> Tolerance:
    """A number, with or without words behind it. Raises DataError.

    >>> parse_tolerance("1e-4 relative to max|out|")
    Tolerance(value=0.0001, relative=True)
    """
    number = re.match(r"\s*(\d+\.?\d*(?:[eE][+-]?\d+)?)(?![\w.])", str(text))
    if number is None:
        raise DataError("A tolerance starts with a positive number.", found=repr(text), todo="for example 1e-4")
    return Tolerance(float(number[1]), relative=" relative" in str(text))


class _Checkpoint(BaseModel):
    prefix: str = ""


class _Part(BaseModel):
    """One state dict with its gains."""

    model_config = ConfigDict(extra="allow")

    state: dict[str, tuple[int, ...]]
    gain: float | None = None
    gain_overrides: Overrides = ()

    @model_validator(mode="after")
    def _weights_need_a_gain(self) -> Self:
        if self.state and self.gain is None:
            raise ValueError("a state needs a gain")
        return self

    def entry(self, hashed: str, shape: tuple[int, ...]) -> Entry:
        gains = (gain for text, gain in self.gain_overrides if text in hashed)
        return Entry(hashed, shape, next(gains, self.gain or 0.0))


class _File(_Part):
    shared: tuple[tuple[str, ...], ...] = ()
    not_overwritten: str | tuple[str, ...] | dict[str, object] = ()
    checkpoints: dict[str, _Checkpoint] = {}
    state_dtypes_not_float32: dict[str, str] = {}
    tolerance: str | float = DEFAULT_TOLERANCE.value
    parameters: int | None = Field(default=None, validation_alias=AliasChoices("parameters", "params_total"))

    def is_integer(self, key: str) -> bool:
        dtype = self.state_dtypes_not_float32.get(key, "")
        return "int" in dtype or "bool" in dtype or key.endswith("num_batches_tracked")

    def is_constant(self, key: str) -> bool:
        """Whether `not_overwritten` names the key, or the end of it behind a dot."""
        said = self.not_overwritten
        names = re.findall(r"[A-Za-z_][\w.]*\w", said) if isinstance(said, str) else list(said)
        return any(f".{key}".endswith(f".{name}") for name in names)

    def entries(self) -> Iterator[tuple[str, Entry]]:
        prefixes = tuple(checkpoint.prefix for checkpoint in self.checkpoints.values() if checkpoint.prefix)
        deciding = {key: group[-1] for group in self.shared for key in group}
        for key, shape in self.state.items():
            hashed = deciding.get(key, key)
            prefix = next((prefix for prefix in prefixes if hashed.startswith(prefix)), "")
            yield key, self.entry(hashed.removeprefix(prefix).removeprefix("module."), shape)
        extra = self.model_extra or {}
        for name in (key.removesuffix("_state") for key in extra if key.endswith("_state")):
            raw = {key: extra[f"{name}_{key}"] for key in _Part.model_fields if f"{name}_{key}" in extra}
            part = _Part.model_validate(raw)
            yield from ((key, part.entry(key, shape)) for key, shape in part.state.items())
