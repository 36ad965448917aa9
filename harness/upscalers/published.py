"""Files of weights as their authors publish them: a state dict, several of them, or an archive that holds some.

A network whose weights come in several files says in its key table what each is called and how its names begin:
`PARTS = {"SBME_ckpt.pth": "sbme."}`. Nothing is unpickled, and of an archive's paths nothing is used but the last
part of a name: its members are read from a scratch folder, under names of ours.
"""

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from torch import Tensor

from harness.cards.method import WeightsFile
from harness.errors import DataError
from harness.networks.state import read_state, sha256_of

_KINDS = (".pth", ".pt", ".pytorch", ".ckpt", ".pkl", ".tar", ".safetensors")
_LARGEST = 4 << 30
"""Bytes that a member of an archive may have; the largest published file has less than a tenth."""


@dataclass(frozen=True)
class _Source:
    """One state dict on disk.

    Args:
        name: the last part of its path, or of its path in an archive.
        path: where it can be read.
        shown: what it is called in errors.
    """

    name: str
    path: Path
    shown: str


def read_published(files: Sequence[Path], weights: WeightsFile, parts: Mapping[str, str]) -> dict[str, Tensor]:
    """The state dict of a network out of what its authors publish.

    Args:
        files: one or several files or archives.
        weights: what the card says; out of several state dicts the one of its name counts where there are no parts.
        parts: names of files -> what the names of their tensors begin with here; empty for a network of one file.

    Raises:
        DataError: a file that cannot be read, a part that is missing, or several files where one was meant.
    """
    with _sources(files) as found:
        if not parts:
            source = _the_one(found, PurePosixPath(weights.file).name)
            return read_state(source.path, name=source.shown)
        by_name = {source.name: source for source in found}
        missing = [name for name in parts if name not in by_name]
        if (
            len(found) == 1 and found[0].name not in parts
        ):  # one file: the parts are together already, as an added file has them
            return read_state(found[0].path, name=found[0].shown)
        if missing:
            raise DataError(
                f"The weights come in {len(parts)} files: {', '.join(parts)}.",
                found=f"no {', '.join(missing)} in {', '.join(map(str, files))}",
                todo="give all of them, or the archive that holds them",
            )
        return {
            prefix + key.removeprefix("module."): value
            for name, prefix in parts.items()
            for key, value in read_state(by_name[name].path, name=by_name[name].shown).items()
        }


def check_bytes(path: Path, weights: WeightsFile) -> str:
    """How sure it is that a file is the published one, in words. Raises DataError where it is another."""
    if weights.sha256 is None and weights.git_blob is None:
        return "the card knows no hash of the published file: names and shapes are all that was checked"
    wanted, digest = (
        (weights.sha256, sha256_of(path)) if weights.sha256 is not None else (weights.git_blob, _git_blob(path))
    )
    kind = "SHA-256" if weights.sha256 is not None else "git blob"
    if digest != wanted:
        raise DataError(
            f"{path} is not the file that the card means.",
            found=f"{kind} {digest}, the card says {wanted}",
            todo=f"fetch it again from: {weights.source}\n      or take it as it is: --unverified",
        )
    return f"the published bytes ({kind} {digest[:12]}…)"


def _git_blob(path: Path) -> str:
    """The SHA-1 by which git names a file's content."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@contextmanager
def _sources(files: Sequence[Path]) -> Iterator[list[_Source]]:
    """The state dicts of files and archives, those of archives unpacked as long as this lasts."""
    with tempfile.TemporaryDirectory() as scratch:
        found: list[_Source] = []
        for path in files:
            found += _members(path, Path(scratch)) if _is_archive(path) else [_Source(path.name, path, str(path))]
        yield found


def _is_archive(path: Path) -> bool:
    """Whether a file is a zip of files. What torch saves is a zip as well, but of one pickle and its tensors."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return not any(PurePosixPath(name).name == "data.pkl" for name in archive.namelist())


def _members(path: Path, scratch: Path) -> Iterator[_Source]:
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                name = PurePosixPath(info.filename).name
                suffix = PurePosixPath(name).suffix
                if info.is_dir() or suffix not in _KINDS or name.startswith("."):
                    continue
                if info.file_size > _LARGEST:
                    raise DataError(
                        f"{path} holds a file that is too large.", found=f"{info.file_size} bytes: {name}"
                    )
                copy = scratch / f"{len(list(scratch.iterdir()))}{suffix}"
                with archive.open(info) as packed, copy.open("wb") as plain:
                    shutil.copyfileobj(packed, plain)
                yield _Source(name, copy, f"{path}: {name}")
    except (zipfile.BadZipFile, EOFError, RuntimeError, OSError) as error:
        raise DataError(f"{path} cannot be unpacked.", found=str(error), todo="fetch the archive again") from error


def _the_one(found: Sequence[_Source], name: str) -> _Source:
    """The source of this name; the only one under any name."""
    named = [source for source in found if source.name == name] or list(found)
    if len(named) != 1:
        names = ", ".join(source.name for source in found) or "no state dict at all"
        raise DataError(f"One file of weights is wanted, {name}.", found=names, todo="give that file alone")
    return named[0]
