"""A training of the stand-in that takes a fraction of a second: its recipe, its data, its watcher."""

from pathlib import Path

from tests.clips.making import smooth, write_frames

TINY: dict[str, object] = {
    "iterations": 6,
    "batch": 2,
    "crop": 4,
    "learning_rate": 0.01,
    "ema": 0.9,
    "log_every": 2,
    "checkpoint_every": 2,
    "validate_every": 3,
}


class Listener:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.parts: list[float] = []

    def said(self, words: str) -> None:
        self.words.append(words)

    def reached(self, part: float, words: str) -> None:
        self.parts.append(part)
        self.words.append(words)


def write_clips(folder: Path) -> Path:
    """Three clips of eight or more frames, 64x48."""
    for index in range(3):
        write_frames(folder / f"clip{index}", smooth(8 + 2 * index, 48, 64)[index:])
    return folder
