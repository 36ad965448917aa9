"""A study of the stand-in that takes seconds: its command line, its data, and a way to run it as people do."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from typer.testing import CliRunner, Result

from harness.cli.main import app
from harness.upscalers import registry
from tests.evaluation.small_cell import write_moving
from tests.training.setting import TINY, write_clips

ROOT = Path(__file__).resolve().parents[2]
STANDIN = ROOT / "tests" / "training" / "standin.py"
PATIENCE = 120.0
"""Seconds after which something that should happen has not."""


@dataclass
class Bench:
    """A folder with clips to learn from, frames to be scored on, and results."""

    home: Path
    settings: dict[str, object] = field(default_factory=lambda: {**TINY, "ema": 0})

    _started: list["subprocess.Popen[str]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        write_clips(self.home / "clips")
        write_moving(self.home / "data" / "frames", frames=7)

    @property
    def results(self) -> Path:
        return self.home / "results"

    def sweep(self, *grid: str) -> list[str]:
        """`harness sweep` of the stand-in under one seed, scored on seven small frames."""
        where = ["--results", str(self.results), "--data-root", str(self.home / "data")]
        sets = [part for key, value in self.settings.items() for part in ("--set", f"recipe.{key}={value}")]
        grids = [part for text in grid for part in ("--grid", text)]
        what = ["--data", str(self.home / "clips"), "--recipe", "smoke", "--seeds", "1", "--dataset", "frames"]
        return ["sweep", "-m", "standin", "--plugin", str(STANDIN), *what, *sets, *grids, *where, "--name", "tried"]

    def start(self, arguments: list[str], *, event: str = "none:0") -> "subprocess.Popen[str]":
        """The program as a process of its own."""
        process = subprocess.Popen(
            (sys.executable, "-m", "harness.cli.main", *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "STANDIN": event, "OMP_NUM_THREADS": "1"},
        )
        self._started.append(process)
        return process

    def end(self) -> None:
        """Whatever still runs does not any more; its cells end with it."""
        for process in self._started:
            process.kill()
            process.communicate()

    def log(self, row: str) -> str:
        """What the cell of a row has printed."""
        log = self.results / "studies" / "tried" / "logs" / f"{row}-seed0.log"
        return log.read_text(encoding="utf-8") if log.exists() else ""

    def trainings(self) -> list[Path]:
        return sorted((self.results / "training").glob("*"))


def invoke(arguments: list[str]) -> Result:
    """The program in this process; its cells are processes of their own."""
    registry._NETWORKS.pop("standin", None)  # a plug-in that is loaded a second time would be of another version
    return CliRunner().invoke(app, arguments)


def until(happens: Callable[[], bool], *, patience: float = PATIENCE) -> None:
    """Wait for something."""
    end = time.monotonic() + patience
    while not happens():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.02)
