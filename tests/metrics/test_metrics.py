"""The table of metrics, scoring with several at once, and the signature."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from harness.errors import UsageError
from harness.metrics import METRICS, get_metric, metric_info
from harness.metrics.base import FrameMetric, score_frames
from harness.metrics.color import Plane
from harness.metrics.psnr import Psnr, psnr
from harness.metrics.signature import metric_signature
from harness.metrics.ssim import Ssim, ssim

# LPIPS needs weights; tests/metrics/test_lpips.py has it.
BUILDABLE = [name for name in METRICS if name != "lpips"]


class Recorder:
    """A metric that writes down what it was asked."""

    identity = ""

    def __init__(self) -> None:
        self.asked: list[tuple[Tensor, Tensor, tuple[Tensor, Tensor] | None]] = []

    def score(self, pred: Tensor, gt: Tensor, *, previous: tuple[Tensor, Tensor] | None = None) -> Tensor:
        self.asked.append((pred, gt, previous))
        return torch.zeros(len(pred), dtype=torch.float64)


def frames(count: int = 3) -> tuple[Tensor, Tensor]:
    gt = torch.randint(0, 256, (count, 3, 24, 30), dtype=torch.uint8)
    return gt.roll(1, dims=-1), gt


def test_the_table_knows_every_metric() -> None:
    assert set(METRICS) == {"psnr-y", "ssim-y", "psnr-rgb", "ssim-rgb", "lpips", "tof", "warping-error"}
    assert all(name == info.name for name, info in METRICS.items())
    assert {name for name, info in METRICS.items() if info.higher_is_better} == {
        "psnr-y",
        "ssim-y",
        "psnr-rgb",
        "ssim-rgb",
    }
    assert {name for name, info in METRICS.items() if info.needs_previous} == {"tof", "warping-error"}


def test_the_table_and_the_signature_need_no_torch() -> None:
    program = "import sys, harness.metrics.signature, harness.metrics.base; print('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("name", BUILDABLE)
def test_every_metric_scores_every_frame(name: str) -> None:
    pred, gt = frames()
    scores = get_metric(name).score(pred, gt, previous=(gt[0], gt[0]))
    assert scores.shape == (3,)
    assert scores.dtype == torch.float64
    assert not scores.isnan().any()


@pytest.mark.parametrize("name", BUILDABLE)
def test_a_better_frame_has_a_better_score(name: str) -> None:
    _, gt = frames(1)
    noise = torch.randn(gt.shape)
    little, much = ((gt + strength * noise).clamp(0, 255).round().byte() for strength in (2, 60))
    metric = get_metric(name)
    previous = (gt[0], gt[0])
    better, worse = (float(metric.score(pred, gt, previous=previous)) for pred in (little, much))
    assert (better > worse) == METRICS[name].higher_is_better


def test_options_reach_the_metric() -> None:
    metric = get_metric("ssim-rgb", border=2)
    assert isinstance(metric, Ssim)
    assert (metric.plane, metric.border) == ("rgb", 2)


def test_an_unknown_name_is_answered_with_the_closest() -> None:
    with pytest.raises(UsageError, match="Did you mean 'psnr-y'"):
        get_metric("psnr_y")
    with pytest.raises(UsageError, match="There is no metric 'vmaf'"):
        metric_info("vmaf")


def test_scores_together_equal_scores_alone() -> None:
    pred, gt = frames()
    metrics: dict[str, FrameMetric] = {name: get_metric(name) for name in ("ssim-y", "psnr-rgb", "psnr-y")}
    metrics["cropped"] = Psnr(plane="y", border=3)
    scores = score_frames(metrics, pred, gt)
    assert list(scores) == ["ssim-y", "psnr-rgb", "psnr-y", "cropped"]
    same = partial(torch.testing.assert_close, rtol=0, atol=1e-10)
    same(scores["ssim-y"], ssim(pred, gt, plane="y"))
    same(scores["psnr-y"], psnr(pred, gt, plane="y"))
    same(scores["psnr-rgb"], psnr(pred, gt, plane="rgb"))
    same(scores["cropped"], psnr(pred, gt, plane="y", border=3))


def test_psnr_and_ssim_of_one_plane_take_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []

    def counting(pred: Tensor, gt: Tensor, *, plane: Plane, border: int = 0) -> tuple[Tensor, Tensor]:
        passes.append((plane, border))
        return torch.zeros(len(pred)), torch.ones(len(pred))

    monkeypatch.setattr("harness.metrics.ssim.psnr_and_ssim", counting)
    metrics: dict[str, FrameMetric] = {name: get_metric(name) for name in ("psnr-y", "ssim-y", "psnr-rgb")}
    metrics["cropped"] = Psnr(plane="y", border=3)
    scores = score_frames(metrics, *frames())
    assert passes == [("y", 0)]
    assert (scores["psnr-y"].tolist(), scores["ssim-y"].tolist()) == ([0, 0, 0], [1, 1, 1])


def test_the_pair_before_the_batch_is_passed_on() -> None:
    recorder, (pred, gt) = Recorder(), frames()
    previous = (pred[0], gt[0])
    score_frames({"psnr-y": Psnr(plane="y"), "recorder": recorder}, pred, gt, previous=previous)
    assert recorder.asked == [(pred, gt, previous)]


def test_signature() -> None:
    assert metric_signature([]) == ""
    assert metric_signature(["psnr-y"]) == "psnr-y:v1"
    settings = {"ssim-y": "gauss11,s1.5,valid", "psnr-y": "", "lpips": "not asked for"}
    assert metric_signature(["ssim-y", "psnr-y", "ssim-y"], settings) == "psnr-y:v1 ssim-y:v1(gauss11,s1.5,valid)"
    with pytest.raises(UsageError, match="no metric 'psnr'"):
        metric_signature(["psnr"])
