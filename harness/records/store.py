"""The append-only store: one folder a run, one line a clip.

A line is on disk before the next clip starts. A process that dies leaves at most half a line, which the next one
cuts off; the rest stays. Nothing is ever rewritten, so nothing that was measured can be lost by measuring more.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from pydantic import ValidationError

from harness.cards.base import Model
from harness.errors import RecordError
from harness.records.schema import ClipLine, RunHeader, Session

LineT = TypeVar("LineT", bound=Model)


def content_key(content: Mapping[str, object]) -> str:
    """SHA-256 over canonical JSON: the same content gives the same key on every machine."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def keyed(header: RunHeader) -> RunHeader:
    """`header` with its `key` computed from all else but titles, and what the bytes of weights decide."""
    content = header.model_dump(mode="json", exclude={"key", "method_title", "dataset_title", "weights"})
    content["weights"] = [one.model_dump(mode="json", exclude={"training", "degradation"}) for one in header.weights]
    return header.model_copy(update={"key": content_key(content)})


@dataclass(frozen=True)
class Run:
    """A run as it lies on disk."""

    folder: Path
    header: RunHeader

    @cached_property
    def lines(self) -> dict[str, ClipLine]:
        """The latest line of every clip, in the order of the benchmark."""
        latest = {line.clip: line for line in _read_lines(self.folder / "clips.jsonl", ClipLine)}
        order = {clip: index for index, clip in enumerate(self.header.clips)}
        return dict(sorted(latest.items(), key=lambda item: order.get(item[0], len(order))))

    @cached_property
    def sessions(self) -> tuple[Session, ...]:
        """The commands that worked on the run, in order; the last line of each counts."""
        return tuple({line.started: line for line in _read_lines(self.folder / "sessions.jsonl", Session)}.values())


class RunWriter:
    """A run that this process works on; holds the folder's lock until closed. Use as a context manager.

    Raises:
        RecordError: another process holds it, or the folder cannot be written, or is another run's.
    """

    def __init__(self, folder: Path, header: RunHeader) -> None:
        self.folder = folder
        self.header = header
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise _unwritable(folder, error) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._prepare()
        except BlockingIOError as error:
            os.close(self._lock)
            raise RecordError(
                f"The record {folder} is being written by another process.",
                found=f"process {(folder / 'lock').read_text() or '?'}",
                todo="wait until it has finished, or stop it; the same command then continues.",
            ) from error
        except OSError as error:
            os.close(self._lock)
            raise _unwritable(folder, error) from error
        except RecordError:
            os.close(self._lock)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._lock)

    @property
    def run(self) -> Run:
        """The run as it lies on disk now."""
        return Run(self.folder, self.header)

    def append(self, line: ClipLine) -> None:
        """Put one clip's line on disk. Raises RecordError (disk full, …); earlier lines stay as they are."""
        self._append("clips.jsonl", line)

    def log(self, session: Session) -> None:
        """Put one session line on disk."""
        self._append("sessions.jsonl", session)

    def _prepare(self) -> None:
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)
        for name in ("clips.jsonl", "sessions.jsonl"):
            _cut_half_line(self.folder / name)
        path = self.folder / "run.json"
        if path.exists():
            if _read_header(path).key != self.header.key:
                raise RecordError(f"{path} belongs to another run.", todo="move that folder away.")
            return
        text = self.header.model_dump_json(indent=1) + "\n"
        draft = path.with_suffix(".json.part")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)

    def _append(self, name: str, line: Model) -> None:
        path = self.folder / name
        data = (line.model_dump_json(exclude_defaults=True) + "\n").encode()
        try:
            before = path.stat().st_size if path.exists() else 0
            with path.open("ab", buffering=0) as file:
                try:
                    if file.write(data) != len(data):
                        raise OSError(28, os.strerror(28))
                    os.fsync(file.fileno())
                except OSError:
                    file.truncate(before)
                    raise
        except OSError as error:
            raise _unwritable(path, error) from error


class ResultStore:
    """All runs below a results folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, header: RunHeader) -> Path:
        """Where a run of this content lies."""
        name = f"{header.method}--{header.dataset}--x{header.rate}--{header.key[:10]}"
        return self.root / "runs" / name

    def open(self, header: RunHeader) -> RunWriter:
        """Start or continue a run."""
        return RunWriter(self.folder(header), header)

    def runs(self) -> tuple[Run, ...]:
        """Every run, by folder name. Raises RecordError naming a file that is damaged."""
        return tuple(Run(path.parent, _read_header(path)) for path in sorted(self.root.glob("runs/*/run.json")))


def _read_header(path: Path) -> RunHeader:
    try:
        return RunHeader.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise RecordError(
            f"{path} is not a run's header.", found=str(error), todo="move that folder away, or restore the file."
        ) from error


def _read_lines(path: Path, kind: type[LineT]) -> Iterator[LineT]:
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            if not raw.endswith(b"\n"):
                return  # half a line: its writer died, or is at work
            try:
                yield kind.model_validate_json(raw)
            except ValidationError as error:
                raise RecordError(
                    f"{path}, line {number} is damaged.",
                    found=str(error).splitlines()[0],
                    todo="remove that line; the next run of the same command measures its clip again.",
                ) from error


def _cut_half_line(path: Path) -> None:
    if not path.exists():
        return
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole != len(data):
        os.truncate(path, whole)


def _unwritable(path: Path, error: OSError) -> RecordError:
    return RecordError(
        f"{path} cannot be written.",
        found=error.strerror or str(error),
        todo="make room or give another folder with --results; lines already written are kept.",
    )
