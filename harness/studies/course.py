"""One job under way on this machine: its commands one after the other, each a process that ends with this one.

The processes are in a group of their own, so that a Ctrl-C at the terminal reaches only this one, which passes it on
once: they finish their step, keep a checkpoint and end.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.studies.commands import in_words

LEASH = (sys.executable, "-m", "harness.cli.leash")


class Course:
    """Runs commands until one fails.

    Args:
        commands: arguments of `harness`, in order.
        log: what they print goes to its end.
        environment: variables that are set for them.
    """

    def __init__(
        self, commands: Sequence[Sequence[str]], *, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._todo = [tuple(command) for command in commands]
        self._log, self._environment = log, dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._next()

    def poll(self) -> int | None:
        """None while it runs; 0 when all commands are done, else the exit code of the one that failed.

        A process that was killed by signal N has the code -N.
        """
        if self._process is None:
            return 0
        code = self._process.poll()
        if code == 0 and self._todo:
            self._close()
            self._next()
            return None
        if code is not None:
            self._close()
        return code

    def interrupt(self) -> None:
        """Ask the process at hand to stop, as Ctrl-C does; no other one is started."""
        self._todo.clear()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it at once. What it has written is kept."""
        self._todo.clear()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._close()

    def _next(self) -> None:
        if not self._todo:
            return
        command = self._todo.pop(0)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            log.write(f"\n$ {in_words(command, self._environment)}\n".encode())
            log.flush()
            self._process = subprocess.Popen(
                (*LEASH, *command),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._environment},
                process_group=0,
            )

    def _close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name if -code in {number.value for number in signal.Signals} else str(-code)
    memory = "; where nobody has sent it, memory ran out" if -code == signal.SIGKILL else ""
    return f"killed by {name}{memory}"
