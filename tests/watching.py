"""A watcher that only remembers."""

from dataclasses import dataclass, field

from harness.evaluation.plan import Cell


@dataclass
class Silent:
    frames: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)

    def start_cell(self, cell: Cell, frames: int) -> None:
        del cell, frames

    def advance(self, frames: int) -> None:
        self.frames += frames

    def failed(self, clip: str, error: str) -> None:
        self.failures.append((clip, error))
