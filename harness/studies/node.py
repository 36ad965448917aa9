"""What a worker of a Ray cluster does for a study, on whatever node it is. Nothing here needs Ray."""

import fcntl
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import __version__
from harness.studies.course import Course
from harness.studies.work import STOPPED

_TICK = 0.1  # seconds between two looks
_PATIENCE = 120.0  # seconds that a job waits for the lock of a process that is about to end


@dataclass(frozen=True)
class Order:
    """What a worker is told to do.

    Args:
        commands: arguments of `harness`, in order.
        folder: of the training.
        log: what the commands print.
        environment: variables that are set for them.
    """

    commands: tuple[tuple[str, ...], ...]
    folder: Path
    log: Path
    environment: Mapping[str, str]


def what_is_wrong_here(marker: Path, text: str, data: str, version: str) -> str:
    """Why a node cannot take part, in words; empty where it can.

    Args:
        marker: a file of the results folder.
        text: what it holds.
        data: what is learned from.
        version: of the harness that asks.
    """
    if version != __version__:
        return f"harness {__version__}, not {version}"
    if not marker.is_file() or marker.read_text(encoding="utf-8") != text:
        return "the folder is not there, or is another one"
    if Path(data).is_absolute() and not Path(data).is_dir():
        return f"no folder {data}"
    return ""


def carry_out(order: Order) -> tuple[int, float]:
    """Run a job's commands; the last one's exit code, and seconds. Cancelled, they are interrupted once.

    A worker whose node has lost its head does not go on: the job is given to another one, and needs its folder.
    """
    begin, node = time.monotonic(), os.getppid()
    # By which Ray cancels; on nodes that were started in the background it is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _wait_for(order.folder)
    course = Course(order.commands, log=order.log, environment=order.environment)
    try:
        while (code := course.poll()) is None:
            if os.getppid() != node:
                course.kill()
                os._exit(1)
            time.sleep(_TICK)
    except KeyboardInterrupt:
        course.interrupt()
        while course.poll() is None:
            time.sleep(_TICK)
        code = STOPPED
    finally:
        course.kill()
    return code, time.monotonic() - begin


def _wait_for(folder: Path) -> None:
    """Until nobody holds a training's folder: the process of a lost worker may be about to end."""
    path, until = folder / "lock", time.monotonic() + _PATIENCE
    while path.exists() and time.monotonic() < until:
        handle = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_TICK)
        else:
            return
        finally:
            os.close(handle)
