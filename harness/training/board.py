"""TensorBoard, where the extra `train` is installed."""

from pathlib import Path
from typing import Protocol

from harness.errors import MissingExtraError


class Board(Protocol):
    """The part of TensorBoard's writer that is used."""

    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None:
        """One point of a curve."""

    def close(self) -> None:
        """Write what is left."""


def open_board(folder: Path, *, iteration: int) -> Board:
    """A writer that drops what is behind `iteration`. Raises MissingExtraError without the package."""
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("tensorboard", extra="train", purpose="--tensorboard") from error
    board: Board = SummaryWriter(str(folder), purge_step=iteration + 1)
    return board
