"""The run: resumes, isolates failures, never repeats or loses a clip."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from harness.cards import CardLibrary, Overrides
from harness.errors import RecordError
from harness.evaluation.plan import Cell, Request, plan
from harness.evaluation.runner import Outcome, run_cell
from harness.records.store import ResultStore
from harness.upscalers.base import Flows, Upscaler
from tests.watching import Silent

CALLS: list[int] = []


class Counting(Upscaler):
    """Counts its calls; nearest in space and time."""

    def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        CALLS.append(len(lr_clip))
        hr = lr_clip.repeat_interleave(self.scale, -1).repeat_interleave(self.scale, -2)
        return hr.repeat_interleave(rate, 0)[: (len(hr) - 1) * rate + 1]


class WrongSize(Counting):
    def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        return super().upscale(lr_clip, rate, flows=flows)[..., 1:]


class StopsMidway(Counting):
    def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        if len(CALLS) == 2:
            raise KeyboardInterrupt
        return super().upscale(lr_clip, rate, flows=flows)


NETWORKS = (
    ("test-counting", Counting, False),
    ("test-wrong-size", WrongSize, False),
    ("test-stops-midway", StopsMidway, False),
)


def write_clip(folder: Path, *, frames: int = 7, size: tuple[int, int] = (16, 24), seed: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    levels = np.random.default_rng(seed).integers(0, 256, (frames, *size, 3), dtype=np.uint8)
    for index, frame in enumerate(levels):
        Image.fromarray(frame).save(folder / f"{index}.png")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for seed, name in enumerate(("a", "b", "c")):
        write_clip(tmp_path / "data" / name, seed=seed)
    CALLS.clear()
    return tmp_path / "data"


def cell(data: Path, method: str = "test-counting", *overrides: str, metrics: tuple[str, ...] = ()) -> Cell:
    request = Request(
        methods=(method,),
        datasets=("frames",),
        data_root=data,
        overrides=Overrides.parse(overrides),
        metrics=metrics,
    )
    return plan(request, CardLibrary())[0]


def run(data: Path, results: Path, method: str = "test-counting", **options: bool | int | None) -> Outcome:
    return run_cell(cell(data, method), ResultStore(results), Silent(), command="test", **options)  # type: ignore[arg-type]


def test_what_is_done_stays_done(data: Path, tmp_path: Path) -> None:
    first = run(data, tmp_path / "r")
    calls, before = len(CALLS), (first.run.folder / "clips.jsonl").read_bytes()
    again = run(data, tmp_path / "r")
    assert len(CALLS) == calls
    assert (first.run.folder / "clips.jsonl").read_bytes() == before
    assert (again.done, again.failed, again.missing) == (3, 0, 0)


def test_a_limit_is_continued(data: Path, tmp_path: Path) -> None:
    assert run(data, tmp_path / "r", limit=2).done == 2
    assert len(CALLS) == 2
    outcome = run(data, tmp_path / "r")
    assert (outcome.done, len(CALLS)) == (3, 3)


def test_another_content_is_another_run(data: Path, tmp_path: Path) -> None:
    folder = run(data, tmp_path / "r").run.folder
    write_clip(data / "b", seed=9)
    assert run(data, tmp_path / "r").run.folder != folder
    assert cell(data, "test-counting", "protocol.border=1").header.key != cell(data).header.key


def test_a_failing_clip_stops_nobody_and_is_tried_again(data: Path, tmp_path: Path) -> None:
    whole = (data / "b" / "3.png").read_bytes()
    (data / "b" / "3.png").write_bytes(whole[:200])
    watcher = Silent()
    damaged = cell(data)
    outcome = run_cell(damaged, ResultStore(tmp_path / "r"), watcher, command="test")
    assert (outcome.done, outcome.failed) == (2, 1)
    assert watcher.failures[0][0] == "b"
    assert "3.png" in watcher.failures[0][1]
    assert outcome.run.lines["b"].status == "failed"
    assert outcome.run.sessions[-1].outcome == "failures"
    CALLS.clear()
    again = run_cell(damaged, ResultStore(tmp_path / "r"), Silent(), command="test")
    assert (again.failed, len(CALLS)) == (1, 0)  # the others were not measured again
    (data / "b" / "3.png").write_bytes(whole)
    assert run(data, tmp_path / "r").complete


def test_short_clips_fail_with_advice(data: Path, tmp_path: Path) -> None:
    write_clip(data / "b", frames=1)
    for index in range(1, 7):
        (data / "b" / f"{index}.png").unlink()
    outcome = run(data, tmp_path / "r")
    line = outcome.run.lines["b"]
    assert line.status == "failed"
    assert "a clip of 1" in (line.error or "")


def test_odd_sizes_are_cropped_to_the_scale(data: Path, tmp_path: Path) -> None:
    write_clip(data / "b", size=(29, 37))
    outcome = run(data, tmp_path / "r")
    assert outcome.complete
    assert (outcome.run.lines["b"].height, outcome.run.lines["b"].width) == (28, 36)


def test_a_network_of_the_wrong_size_is_said(data: Path, tmp_path: Path) -> None:
    outcome = run(data, tmp_path / "r", "test-wrong-size")
    assert outcome.failed == 3
    assert "size of the ground truth" in (outcome.run.lines["a"].error or "")


def test_an_interrupt_keeps_what_is_done(data: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(data, tmp_path / "r", "test-stops-midway")
    (kept,) = ResultStore(tmp_path / "r").runs()
    assert list(kept.lines) == ["a", "b"]
    assert kept.sessions[-1].outcome == "interrupted"


def test_frames_are_kept_on_request(data: Path, tmp_path: Path) -> None:
    outcome = run(data, tmp_path / "r", save_frames=True)
    frames = sorted((outcome.run.folder / "frames" / "a").glob("*.png"))
    assert [frame.name for frame in frames] == [f"{index:06d}.png" for index in range(7)]
    assert np.asarray(Image.open(frames[0])).shape == (16, 24, 3)
    assert (outcome.run.folder / "samples" / "samples.json").exists()
    frames[2].unlink()
    assert run(data, tmp_path / "r", save_frames=True).complete
    assert frames[2].exists()


def test_a_record_that_cannot_be_written_stops_the_run(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RecordError, match="No space left"):
        run(data, tmp_path / "r")


def test_temporal_metrics_see_across_windows(data: Path, tmp_path: Path) -> None:
    write_clip(data / "a", frames=13, size=(48, 48))
    outcome = run_cell(cell(data, metrics=("tof", "psnr-y")), ResultStore(tmp_path), Silent(), command="t", limit=1)
    tof = outcome.run.lines["a"].scores["tof"]
    assert tof[0] is None
    assert all(value is not None for value in tof[1:])


def test_the_same_command_gives_the_same_bytes(data: Path, tmp_path: Path) -> None:
    torch.manual_seed(123)
    one = run(data, tmp_path / "one").run.folder / "clips.jsonl"
    torch.manual_seed(456)
    two = run(data, tmp_path / "two").run.folder / "clips.jsonl"
    assert one.read_bytes() == two.read_bytes()


def test_kill_at_random_moments_then_the_same_command(tmp_path: Path) -> None:
    """kill -9, and the record equals an undisturbed one."""
    for seed in range(6):
        write_clip(tmp_path / "data" / f"clip{seed}", frames=19, size=(96, 128), seed=seed)

    def command(results: str) -> list[str]:
        options = ["--method", "farneback+bicubic", "--dataset", "frames", "--device", "cpu", "--json"]
        places = ["--data-root", str(tmp_path / "data"), "--results", str(tmp_path / results)]
        return [sys.executable, "-m", "harness.cli.main", "run", *options, *places]

    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    begin = time.monotonic()
    subprocess.run(command("whole"), check=True, capture_output=True, env=environment)
    duration = time.monotonic() - begin
    moments = random.Random(0)
    for _ in range(3):
        process = subprocess.Popen(
            command("killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
        )
        time.sleep(duration * moments.uniform(0.5, 0.95))
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command("killed"), check=True, capture_output=True, env=environment)
    (whole,) = (tmp_path / "whole").glob("runs/*/clips.jsonl")
    (killed,) = (tmp_path / "killed").glob("runs/*/clips.jsonl")
    assert killed.read_bytes() == whole.read_bytes()
