"""Metrics: pure functions on frames, one file each, and the table of their names. Imports no torch.

Conventions: see `harness.metrics.base`. A metric is built with `get_metric(name)` and asked with
`harness.metrics.base.score_frames`.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import UsageError
from harness.metrics.base import MetricInfo
from harness.names import suggest

if TYPE_CHECKING:
    from harness.metrics.base import FrameMetric

_ALL = (
    MetricInfo("psnr-y", "PSNR", "dB", 2, True, 1, "harness.metrics.psnr:Psnr", plane="y"),
    MetricInfo("ssim-y", "SSIM", "", 4, True, 1, "harness.metrics.ssim:Ssim", plane="y"),
    MetricInfo("psnr-rgb", "PSNR-RGB", "dB", 2, True, 1, "harness.metrics.psnr:Psnr", plane="rgb"),
    MetricInfo("ssim-rgb", "SSIM-RGB", "", 4, True, 1, "harness.metrics.ssim:Ssim", plane="rgb"),
    MetricInfo("lpips", "LPIPS", "", 4, False, 1, "harness.metrics.lpips:Lpips", extra="lpips"),
    MetricInfo("tof", "tOF", "px", 4, False, 1, "harness.metrics.tof:Tof", needs_previous=True),
    MetricInfo(
        "warping-error", "Ewarp", "", 6, False, 1, "harness.metrics.warping_error:WarpingError", needs_previous=True
    ),
)

METRICS: dict[str, MetricInfo] = {info.name: info for info in _ALL}


def metric_info(name: str) -> MetricInfo:
    """Plain data about a metric.

    Raises:
        UsageError: if there is no such metric; names the closest.
    """
    if name not in METRICS:
        raise UsageError(f"There is no metric '{name}'.", todo=suggest(name, METRICS))
    return METRICS[name]


def get_metric(name: str, *, border: int = 0, lpips_weights: Path | None = None) -> "FrameMetric":
    """Import and build a metric.

    Args:
        name: one of `METRICS`.
        border: pixels that PSNR and SSIM leave out on each side.
        lpips_weights: a complete LPIPS state dict; without it the lpips package downloads its backbone.

    Raises:
        UsageError: if there is no such metric.
        MissingExtraError: if the package that it needs is not installed.
    """
    info = metric_info(name)
    module, _, attribute = info.target.partition(":")
    build = getattr(import_module(module), attribute)
    if info.plane is not None:
        metric: FrameMetric = build(plane=info.plane, border=border)
    elif name == "lpips":
        metric = build(weights=lpips_weights)
    else:
        metric = build()
    return metric
