"""Ctrl-C during training: the step at hand is finished, a checkpoint written, and then everything stops."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Self


class Interrupts:
    """Takes Ctrl-C (and SIGTERM, by which clusters end a job) as a question; asked twice, it interrupts at once."""

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, signal.Handlers | int | None] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._ask)  # type: ignore[assignment]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
