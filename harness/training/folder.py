"""The folder of a training: checkpoint, log, weights, record; one process at a time writes it.

checkpoint.pt        all that is needed to go on
log.jsonl            a line per event: losses, validations
weights.safetensors  the result
record.json          the training record, which the weights hold too
"""

import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.errors import TrainingError
from harness.training.board import open_board

WEIGHTS = "weights.safetensors"


class Folder:
    """Holds the folder's lock while it is used as a context manager.

    Raises:
        TrainingError: another process holds it, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoint = path / "checkpoint.pt"
        self.log = path / "log.jsonl"
        self.weights = path / WEIGHTS
        self.record = path / "record.json"

    def __enter__(self) -> Self:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise unwritable(self.path, error) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            raise TrainingError(
                f"{self.path} is being trained in by another process.",
                todo="wait for it, stop it, or use another --out.",
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._lock)


class Log:
    """The JSONL log, and TensorBoard's where it is wanted.

    Lines behind the checkpoint that a run continues from are dropped: they will be written again.

    Args:
        folder: of the training.
        iteration: where it continues.
        tensorboard: write events to `folder/tensorboard` too. Raises MissingExtraError without the package.
    """

    def __init__(self, folder: Folder, *, iteration: int, tensorboard: bool = False) -> None:
        self._board = open_board(folder.path / "tensorboard", iteration=iteration) if tensorboard else None
        try:
            kept = [line for line in read_log(folder.log) if _iteration(line) <= iteration] if iteration else []
            draft = folder.log.with_name(folder.log.name + ".part")
            draft.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
            draft.replace(folder.log)
            self._file = folder.log.open("a", encoding="utf-8")
        except OSError as error:
            raise unwritable(folder.log, error) from error

    def write(self, event: str, iteration: int, **values: object) -> None:
        """One line. Raises TrainingError when the disk is full."""
        try:
            self._file.write(json.dumps({"event": event, "iteration": iteration, **values}) + "\n")
            self._file.flush()
        except OSError as error:
            raise unwritable(Path(self._file.name), error) from error
        if self._board is not None:
            for name, value in _scalars(values):
                self._board.add_scalar(f"{event}/{name}", value, iteration)

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        if self._board is not None:
            self._board.close()


def read_log(path: Path) -> list[dict[str, object]]:
    """The lines of a log; a line that a killed process left unfinished is left out."""
    lines: list[dict[str, object]] = []
    for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            lines.append(json.loads(text))
        except ValueError:
            continue
    return lines


def unwritable(path: Path, error: OSError) -> TrainingError:
    """What to say where a file cannot be written."""
    return TrainingError(
        f"{path} cannot be written.",
        found=error.strerror or str(error),
        todo="make room or choose another --out; the same command continues from the last checkpoint.",
    )


def _iteration(line: dict[str, object]) -> int:
    value = line.get("iteration", 0)
    return value if isinstance(value, int) else 0


def _scalars(values: dict[str, object], *, at: str = "") -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            found += _scalars(value, at=f"{at}{name}/")
        elif isinstance(value, int | float):
            found.append((f"{at}{name}", float(value)))
    return found
