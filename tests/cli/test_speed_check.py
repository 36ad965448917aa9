"""`harness speed --check`: the distance of every precision to fp32, for people and for programs."""

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
import typer
from torch import Tensor, nn
from typer.testing import CliRunner

from harness.cli.speed import speed
from harness.errors import UsageError
from harness.upscalers.base import Flows, Upscaler


class Gain(Upscaler):
    """One convolution, which multiplies by a number."""

    def __init__(self, options: object = None, *, scale: int = 4) -> None:
        super().__init__(scale=scale)
        self.layer = nn.Conv2d(3, 3, 1, bias=False)

    def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        hr_clip: Tensor = self.layer(nn.functional.interpolate(lr_clip, scale_factor=self.scale))
        return hr_clip.repeat_interleave(rate, dim=0)[: (len(hr_clip) - 1) * rate + 1]


def save_gain(path: Path, gain: float) -> None:
    path.parent.mkdir(parents=True)
    torch.save({"layer.weight": gain * torch.eye(3)[..., None, None]}, path)


NETWORKS = (("test-gain", Gain, True),)

app = typer.Typer()
app.command()(speed)
TINY = ("--size", "32x32", "--device", "cpu")


class Done(NamedTuple):
    exit_code: int
    stdout: str
    exception: BaseException | None


def call(*arguments: str) -> Done:
    done = CliRunner().invoke(app, list(arguments))
    return Done(done.exit_code, done.stdout, done.exception)


STINET = ("-m", "stinet", "--set", "options.channels=16", "--set", "options.super_resolution_stages=1")


def test_check_says_how_far_each_precision_is(tmp_path: Path) -> None:
    done = call(*STINET, *TINY, "--check", "--results", str(tmp_path))
    assert done.exit_code == 0, done.exception
    head, empty, line = done.stdout.splitlines()
    assert head == "Distance to fp32 of one window, 32x32 HR, on cpu."
    assert empty == ""
    number = r"\d+\.\d dB"
    words = rf"stinet  tf32 the same bits   fp16 {number}   bf16 {number}   \(untrained weights: these say little\)"
    assert re.fullmatch(words, line)
    assert list(tmp_path.iterdir()) == [], "nothing is timed, and nothing kept"


def test_there_is_no_time_to_save() -> None:
    done = call(*STINET, *TINY, "--check", "--save")
    assert isinstance(done.exception, UsageError)


def test_check_of_several_methods_is_aligned() -> None:
    done = call("-m", "bicubic", "-m", "nearest+bicubic", *TINY, "--check")
    *_, first, second = done.stdout.splitlines()
    assert first == "bicubic          tf32 the same bits   fp16 the same bits   bf16 the same bits"
    assert second == first.replace("bicubic        ", "nearest+bicubic")


def test_check_as_json_is_the_product_alone() -> None:
    done = call(*STINET, *TINY, "--check", "--json", "--input-frames", "2")
    assert done.exit_code == 0, done.exception
    (stinet,) = json.loads(done.stdout)
    (bicubic,) = json.loads(call("-m", "bicubic", *TINY, "--check", "--json").stdout)
    assert (stinet["method"], stinet["untrained"], stinet["device"]) == ("stinet", True, "cpu")
    assert stinet["distance_db"].keys() == {"tf32", "fp16", "bf16"}
    assert 10 < stinet["distance_db"]["bf16"] < stinet["distance_db"]["fp16"]
    assert (bicubic["untrained"], bicubic["distance_db"]) == (False, dict.fromkeys(("tf32", "fp16", "bf16"), "inf"))


@pytest.mark.parametrize(("folder", "untrained"), [("with", False), ("without", True)])
def test_check_takes_weights_where_they_are(
    folder: str, untrained: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_WEIGHTS", str(tmp_path / folder))
    save_gain(tmp_path / "with" / "gain.pth", 70_000.0)
    card = tmp_path / "cards" / "methods" / "gain.toml"
    card.parent.mkdir(parents=True)
    card.write_text(
        'title = "Gain"\nfamily = "one-stage"\nnetwork = "test-gain"\n'
        '[weights.mine]\nfile = "gain.pth"\nsource = "here"\nlicence = "none"\n'
    )
    done = call("-m", "gain", *TINY, "--check", "--json", "--cards", str(tmp_path / "cards"))
    (found,) = json.loads(done.stdout)
    assert found["untrained"] == untrained
    assert (found["distance_db"]["fp16"] is None) == (not untrained), "these weights are too large for fp16"
