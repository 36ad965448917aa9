"""The distance of a precision to fp32: measured, said in words, kept by runs."""

import json
import math
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

from harness.cli.main import app
from harness.evaluation.clip import open_stream
from harness.evaluation.distance import distances_db, in_words
from harness.evaluation.plan import Cell
from harness.evaluation.precision import Precision
from harness.evaluation.runner import Outcome, run_cell
from harness.records.store import ResultStore
from harness.upscalers.base import Flows, Upscaler
from harness.upscalers.interpolation import Nearest
from harness.upscalers.super_resolution import Bicubic
from harness.upscalers.two_stage import TwoStage
from tests.evaluation.small_cell import small_cell, write_moving
from tests.upscalers.small_stinet import SMALL, clip, small
from tests.watching import Silent


class Loud(Upscaler):
    """Multiplies by a matrix, whose numbers are large, and takes them back again."""

    gain = 1e6

    def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        eye = torch.eye(lr_clip.shape[-1])
        return (lr_clip @ (self.gain * eye)) / self.gain


class Broken(Upscaler):
    """Fails in half precision alone."""

    def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        if torch.is_autocast_enabled("cpu"):
            raise RuntimeError("no kernel for this precision")
        return nn.functional.interpolate(lr_clip, scale_factor=4).repeat_interleave(rate, 0)[: 1 - rate]


NETWORKS = (("test-broken-in-half", Broken, False),)


def test_half_precision_is_near_but_not_equal() -> None:
    # Sixteen channels: oneDNN 3.x multiplies wrongly in bf16 where CPUs have AMX, 8 channels, 8x8 kernels, stride 4.
    distances = distances_db(small(channels=16), clip(3), 2, ("tf32", "fp16", "bf16"))
    assert math.isinf(distances["tf32"]), "a CPU knows no tf32"
    assert 20 < distances["bf16"] < distances["fp16"] < 100


def test_the_distance_is_a_psnr_of_frames_in_0_to_1() -> None:
    upscaler, frames = small(), clip(3)
    with torch.inference_mode():
        exact = upscaler(frames, 2).double()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = upscaler(frames, 2).double()
    expected = 10 * math.log10(1 / float((half - exact).square().mean()))
    assert distances_db(upscaler, frames, 2, ["bf16"])["bf16"] == pytest.approx(expected)


def test_a_method_that_autocast_does_not_touch_has_the_same_bits() -> None:
    distances = distances_db(TwoStage(Nearest(), Bicubic()), clip(3), 2, ("fp16", "bf16"))
    assert distances == {"fp16": math.inf, "bf16": math.inf}


def test_what_leaves_the_range_is_not_a_number() -> None:
    distances = distances_db(Loud(), clip(2), 1, ("fp16", "bf16"))
    assert math.isnan(distances["fp16"])
    assert math.isfinite(distances["bf16"]), "the range of bf16 is that of fp32"


def test_words() -> None:
    assert in_words(51.234) == "51.2 dB"
    assert in_words(math.inf) == "the same bits"
    assert in_words(math.nan) == "not finite: too large for its range"


# -- runs


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_moving(tmp_path / "data", frames=5)
    return tmp_path / "data"


def sessions(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "sessions.jsonl").read_text(encoding="utf-8").splitlines()]


def run(cell: Cell, results: Path) -> Outcome:
    return run_cell(cell, ResultStore(results), Silent(), command="test")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_run_keeps_the_distance_of_its_precision(data: Path, tmp_path: Path, precision: Precision) -> None:
    cell = small_cell(data, precision)
    outcome = run(cell, tmp_path / "r")
    *_, last = sessions(outcome.run.folder)
    assert outcome.complete
    assert last["outcome"] == "complete"
    assert last.get("precision_db") == outcome.precision_db == outcome.run.sessions[-1].precision_db
    if precision == "fp32":
        assert outcome.precision_db is None
    else:
        with open_stream(cell, cell.benchmark.clips[0]) as stream:
            window = next(iter(stream)).lr
        assert outcome.precision_db == distances_db(cell.built.upscaler, window, 2, [precision])[precision]
        assert math.isfinite(outcome.precision_db)


def test_the_same_bits_are_kept_as_such(data: Path, tmp_path: Path) -> None:
    outcome = run(small_cell(data, "bf16", method="nearest+bicubic"), tmp_path / "r")
    assert outcome.precision_db == math.inf
    assert sessions(outcome.run.folder)[-1]["precision_db"] == "inf"
    assert outcome.run.sessions[-1].precision_db == math.inf


def test_a_distance_is_measured_where_there_is_something_to_do(data: Path, tmp_path: Path) -> None:
    cell = small_cell(data, "bf16")
    first, again = run(cell, tmp_path / "r"), run(cell, tmp_path / "r")
    assert first.precision_db is not None
    assert again.precision_db is None
    kept = [line.get("precision_db") for line in sessions(again.run.folder)]
    assert kept == [None, first.precision_db, None, None]


def test_a_distance_that_cannot_be_measured_leaves_the_words_to_the_clip(data: Path, tmp_path: Path) -> None:
    outcome = run(small_cell(data, "bf16", method="test-broken-in-half"), tmp_path / "r")
    assert (outcome.failed, outcome.precision_db) == (1, None)
    assert "no kernel for this precision" in (outcome.run.lines["moving"].error or "")


@pytest.mark.parametrize(("precision", "said"), [("bf16", True), ("fp32", False)])
def test_the_distance_is_printed(precision: str, said: bool, data: Path, tmp_path: Path) -> None:
    options = [
        "--method",
        "stinet",
        "--dataset",
        "frames",
        "--untrained",
        "--device",
        "cpu",
        "--precision",
        precision,
    ]
    sizes = [part for key, value in SMALL.items() for part in ("--set", f"options.{key}={value}")]
    places = ["--data-root", str(data), "--results", str(tmp_path / "results"), "--set", "options.window=3"]
    done = CliRunner().invoke(app, ["run", *options, *sizes, *places])
    assert done.exit_code == 0, done.stderr
    assert bool(re.search(rf"{precision} against fp32, one window: \d+\.\d dB", done.stdout)) == said
    assert ("against fp32" in done.stdout) == said
