"""What stands above numbers: title, unit, digits and direction of each metric."""

from collections.abc import Iterable

from harness.metrics import METRICS
from harness.reports.model import Column, Source

FPS = "fps"
_PAPER = {"psnr": ("PSNR", "dB", 2, True), "ssim": ("SSIM", "", 4, True), FPS: ("Speed", "fps", 2, True)}
"""The paper's columns: title, unit, digits, whether higher is better."""


def paper_column(dataset: str, heading: str, metric: str, *, source: Source = "measured") -> Column:
    """A column of the paper, `psnr`, `ssim` or `fps`."""
    title, unit, decimals, higher = _PAPER[metric]
    return Column(dataset, heading, metric, title, unit, decimals, higher, source)


def metric_column(dataset: str, heading: str, metric: str, *, source: Source = "measured") -> Column:
    """A column of measured numbers. A metric that this version does not know has no direction."""
    info = METRICS.get(metric)
    if info is None:
        return Column(dataset, heading, metric, metric, "", 4, None, source)
    return Column(dataset, heading, metric, info.title, info.unit, info.decimals, info.higher_is_better, source)


def in_order(metrics: Iterable[str]) -> list[str]:
    """Metrics in the order of the registry, unknown ones last by name."""
    order = {name: index for index, name in enumerate(METRICS)}
    return sorted(set(metrics), key=lambda name: (order.get(name, len(order)), name))
