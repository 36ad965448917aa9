"""The progress bar of a run: frames of the cell at hand, on stderr."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from harness.evaluation.plan import Cell


class ProgressWatcher:
    """Shows how a run goes; use as a context manager. On a pipe it says only what fails."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("frames"),
            TimeRemainingColumn(),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def start_cell(self, cell: Cell, frames: int) -> None:
        """A new bar for a new cell."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(f"{cell.header.method} on {cell.header.dataset}", total=frames)

    def advance(self, frames: int) -> None:
        """Move the bar."""
        if self._task is not None:
            self._progress.advance(self._task, frames)

    def failed(self, clip: str, error: str) -> None:
        """Say at once that a clip failed; the run goes on."""
        self._console.print(f"[red]failed[/red] {clip}: {error}", highlight=False, soft_wrap=True)
