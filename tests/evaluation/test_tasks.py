"""Interpolation and super-resolution by themselves, from the command line to the record."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from harness.cards.tasks import find_task
from harness.cli.main import app
from harness.errors import UsageError
from harness.records.schema import ClipLine, RunHeader
from harness.records.store import ResultStore


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["run", *words])
    return result.exit_code, result.output


def record(results: Path) -> tuple[RunHeader, tuple[ClipLine, ...]]:
    (kept,) = ResultStore(results).runs()
    return kept.header, tuple(kept.lines.values())


def triplets(folder: Path) -> None:
    """Middlebury's names. Between 0 and 40 lies 22, which the mean misses by 2 levels."""
    for clip in ("Beanbags", "Venus"):
        (folder / clip).mkdir(parents=True)
        for name, level in (("frame10", 0), ("frame10i11", 22), ("frame11", 40)):
            Image.fromarray(np.full((21, 33, 3), level, np.uint8)).save(folder / clip / f"{name}.png")


def test_interpolation_scores_what_lies_between_at_full_size(tmp_path: Path) -> None:
    triplets(tmp_path / "middlebury")
    words = (
        "--method",
        "blend",
        "--dataset",
        "middlebury",
        "--data-root",
        str(tmp_path),
        "--results",
        str(tmp_path / "r"),
    )
    code, _ = run(*words, "--task", "interpolation")
    assert code == 1  # ten of twelve triplets are not here
    header, lines = record(tmp_path / "r")
    assert (header.scale, header.rate, header.protocol) == (1, 2, "interpolation")
    assert [line.frames for line in lines] == [(1,), (1,)]
    for line in lines:
        (psnr,) = line.scores["psnr-rgb"]
        assert psnr == pytest.approx(20 * np.log10(255 / 2), abs=1e-4)


@pytest.mark.parametrize("rate", [2, 4])
def test_every_frame_between_is_scored(tmp_path: Path, rate: int) -> None:
    code, _ = run(
        *("--method", "blend", "--dataset", "demo", "--limit", "1", "--rate", str(rate)),
        *("--task", "interpolation", "--results", str(tmp_path)),
    )
    assert code == 0
    _, (line,) = record(tmp_path)
    assert line.frames and all(frame % rate for frame in line.frames)
    assert not any(line.given)


def test_super_resolution_leaves_no_frame_out(tmp_path: Path) -> None:
    words = ("--untrained", "--dataset", "demo", "--limit", "1", "--task", "super-resolution", "--results")
    for name, method, options in (
        ("alone", "s-sr", "options"),
        ("behind", "blend+s-sr", "super_resolution.options"),
    ):
        small = [f"{options}.channels=8", f"{options}.super_resolution_stages=1"]
        sets = [word for option in small for word in ("--set", option)]
        assert run("--method", method, *sets, *words, str(tmp_path / name))[0] == 0
    (header, (alone,)), (_, (behind,)) = record(tmp_path / "alone"), record(tmp_path / "behind")
    assert (header.scale, header.rate) == (4, 1)
    assert all(alone.given) and len(alone.frames) == 7
    assert alone.scores == behind.scores


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--method", "blend"), "--task interpolation"),
        (("--method", "s-sr", "--task", "interpolation", "--untrained"), "--task super-resolution"),
        (("--method", "blend", "--task", "super-resolution"), "--task interpolation"),
        (("--method", "blend", "--task", "interpolation", "--rate", "1"), "rates from 2 on"),
        (("--method", "bicubic", "--task", "super-resolution", "--rate", "2"), "rate 1"),
        (("--method", "stinet", "--task", "interpolation", "--untrained"), "enlarges by 4"),
        (("--method", "blend", "--task", "interpolate"), "interpolation"),
        (("--method", "abme+edvrr"), "Did you mean 'edvr'"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_way_out(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    code, output = run(*words, "--dataset", "demo", "--results", str(tmp_path))
    assert code == 2
    assert said in output
    assert not (tmp_path / "runs").exists()


def test_a_task_has_its_rate() -> None:
    assert [find_task(name).rate_of(None) for name in ("space-time", "interpolation", "super-resolution")] == [
        2,
        2,
        1,
    ]
    with pytest.raises(UsageError, match="no task"):
        find_task("denoising")
