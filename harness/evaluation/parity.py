"""A network against reference numbers: every output and known intermediate, with its largest error."""

import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from harness.cards.library import shipped_folder
from harness.errors import DataError
from harness.evaluation.precision import compute
from harness.networks.parity import find_check
from harness.networks.parity.check import part_name
from harness.networks.parity.golden import Golden, Tolerance

_UNREADABLE = (OSError, ValueError, EOFError, KeyError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)
"""What numpy and zipfile raise for files that are damaged, encrypted, or something else."""


@dataclass(frozen=True)
class Reference:
    """Arrays of a file.

    Args:
        path: of the file.
        salt: first word of its stem, of which the weights are made.
        arrays: by name; floats are float32 or float64 as stored.
    """

    path: Path
    salt: str
    arrays: Mapping[str, Tensor]


@dataclass(frozen=True)
class Line:
    """What came of one array.

    Args:
        name: in the reference.
        output: or an intermediate.
        shape: of the reference.
        computed: the shape that the network gave.
        error: largest absolute difference; not a number where one is not, or where the shapes differ.
        largest: largest absolute number of the reference.
        limit: the largest error that is still right.
    """

    name: str
    output: bool
    shape: tuple[int, ...]
    computed: tuple[int, ...]
    error: float
    largest: float
    limit: float

    @property
    def ok(self) -> bool:
        return self.error <= self.limit  # False for what is not a number

    @property
    def relative(self) -> float:
        """The error as a part of the largest number."""
        return self.error / self.largest if self.largest else (0.0 if self.error == 0 else float("inf"))


@dataclass(frozen=True)
class Comparison:
    """All lines, outputs first; and the arrays of the reference that the network does not know."""

    network: str
    reference: Reference
    golden: Path
    tolerance: Tolerance
    lines: tuple[Line, ...]
    unchecked: tuple[str, ...]

    @property
    def wrong(self) -> tuple[str, ...]:
        """The names of the arrays that differ."""
        return tuple(line.name for line in self.lines if not line.ok)


def read_reference(path: Path) -> Reference:
    """The arrays of an .npz file; nothing is unpickled. Raises DataError for any other file."""
    wanted = f"{path} cannot be read as a reference: an .npz file of numbers."
    try:
        with path.open("rb") as file:
            stored = np.load(file, allow_pickle=False)
            arrays = {name: stored[name] for name in getattr(stored, "files", ())}
    except _UNREADABLE as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        # numpy's advice is to load them all the same.
        found = "pickled objects, which are never loaded" if "allow_pickle" in reason else reason
        raise DataError(wanted, found=found) from error
    if not arrays:
        raise DataError(wanted, found="no named array")
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub" or not array.size:
            found = f"'{name}' has dtype {getattr(array, 'dtype', 'bytes')} and shape {getattr(array, 'shape', '?')}"
            raise DataError(wanted, found=found)
    salt = re.split(r"[^A-Za-z0-9]", path.stem)[0]
    return Reference(path, salt, {name: _tensor(array) for name, array in arrays.items()})


def _tensor(array: np.ndarray) -> Tensor:
    native = array.astype(array.dtype.newbyteorder("="))
    return torch.from_numpy(native.astype(np.float64) if native.dtype == np.longdouble else native)


def find_golden(network: str, reference: Path, given: Path | None = None) -> Path:
    """The golden that was given, else the one beside the reference, else the shipped one. Raises DataError."""
    candidates = (
        [given] if given else [reference.parent / "golden.json", shipped_folder("goldens") / f"{network}.json"]
    )
    for path in candidates:
        if path.is_file():
            return path
    raise DataError(
        f"A golden of {network} is wanted.",
        found=f"no {' and no '.join(map(str, candidates))}",
        todo="pass --golden FILE.json",
    )


def compare(
    network: str,
    reference: Reference,
    golden: Path,
    *,
    tolerance: float | None = None,
    device: torch.device | str = "cpu",
) -> Comparison:
    """Run a network on the inputs of a reference, in strict float32.

    Args:
        network: a name of `harness.networks.parity.CHECKS`.
        reference: inputs, outputs, intermediates.
        golden: the file that its weights follow from.
        tolerance: absolute; default the golden's own.
        device: where the network runs.

    Raises:
        UsageError: unknown network.
        DataError: an input or an output is missing, of another shape, or the golden is of another network.
    """
    check, known = find_check(network), Golden.read(golden)
    inputs = {name: _fed(array).to(device) for name, array in check.given(reference.arrays).items()}
    built = check.build()
    check.load(built, known.weights(reference.salt))
    with torch.inference_mode(), compute(torch.device(device), "fp32"):
        results = check.run(built.to(device).eval(), inputs)
    allowed = known.tolerance if tolerance is None else Tolerance(tolerance)
    names = [*check.outputs, *(name for name in results if name not in check.outputs)]
    lines = tuple(
        _line(stored, part, reference.arrays[stored], tolerance=allowed, output=name in check.outputs)
        for name in names
        for stored, part in _stored_parts(name, results[name], reference.arrays)
    )
    seen = {*inputs, *(line.name for line in lines)}
    unchecked = tuple(name for name in reference.arrays if name not in seen)
    return Comparison(network, reference, golden, allowed, lines, unchecked)


def _stored_parts(name: str, result: Tensor, arrays: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Under which names a reference has an array, and those parts of our own; see `part_name`."""
    for stored in arrays:
        whole, step = part_name(stored)
        if whole == name:
            yield stored, result[..., ::step, ::step] if step > 1 else result


def _fed(array: Tensor) -> Tensor:
    return array.float() if array.is_floating_point() else array


def _line(name: str, computed: Tensor, wanted: Tensor, *, tolerance: Tolerance, output: bool) -> Line:
    ours, theirs = computed.detach().cpu().double(), wanted.double()
    largest = float(theirs.abs().max())
    same = ours.shape == theirs.shape
    return Line(
        name=name,
        output=output,
        shape=tuple(theirs.shape),
        computed=tuple(ours.shape),
        error=float((ours - theirs).abs().max()) if same else float("nan"),
        largest=largest,
        limit=tolerance.value * (largest if tolerance.relative else 1.0),
    )
