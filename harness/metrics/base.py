"""What a metric is: plain data about it (`MetricInfo`) and something that scores frames (`FrameMetric`).

Conventions: frames are (B, 3, H, W) RGB, uint8 or float in [0, 255]; the prediction has already been quantised
(or not) as the protocol says. A score is one float64 per frame. Importing this module does not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor

    from harness.metrics.color import Plane


@dataclass(frozen=True)
class MetricInfo:
    """Plain data about a metric: enough to list it, head a table column and write a signature.

    Args:
        name: as on the command line and in records, `psnr-y`.
        title: as in a table header, `PSNR`.
        unit: `dB`, `px` or empty.
        decimals: digits after the point in tables.
        higher_is_better: direction of the arrow in tables.
        version: raised whenever the same frames would get another number.
        target: `module:Class`, imported when the metric is first used.
        plane: what the class is told to measure on; None for a class without that choice.
        needs_previous: the score of a frame depends on the frame before it; the first of a clip is NaN.
        extra: the optional dependency of the package that it needs, or None.
    """

    name: str
    title: str
    unit: str
    decimals: int
    higher_is_better: bool
    version: int
    target: str
    plane: Plane | None = None
    needs_previous: bool = False
    extra: str | None = None


class FrameMetric(Protocol):
    """Scores a batch of consecutive frames of one clip."""

    @property
    def identity(self) -> str:
        """Settings that change the numbers, as short text for the signature: `gauss11,s1.5,valid`; may be empty."""
        ...

    def score(self, pred: Tensor, gt: Tensor, *, previous: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """One score per frame.

        Args:
            pred: (B, 3, H, W) RGB, uint8 or float in [0, 255].
            gt: like `pred`, on the same device.
            previous: prediction and ground truth of the frame just before the batch, (3, H, W) each; None at
                the start of a clip. Metrics of single frames ignore it; the others give NaN (undefined) for
                the first frame of a clip.

        Returns:
            (B,) float64 on the device of the inputs, without waiting for that device.
        """
        ...


@runtime_checkable
class PlaneMetric(Protocol):
    """A metric of single frames that needs only their planes, which several metrics can then share."""

    plane: Plane
    border: int

    def score_planes(self, pred: Tensor, gt: Tensor) -> Tensor:
        """(B,) from planes (B, C, H, W) float64 in [0, 255]."""
        ...


def score_frames(
    metrics: Mapping[str, FrameMetric],
    pred: Tensor,
    gt: Tensor,
    *,
    previous: tuple[Tensor, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Score a batch with several metrics; those on the same plane share its conversion.

    Args:
        metrics: name to metric, as `get_metric` gives them.
        pred: (B, 3, H, W) RGB, uint8 or float in [0, 255].
        gt: like `pred`, on the same device.
        previous: see `FrameMetric.score`.

    Returns:
        (B,) float64 for every name, in the order of `metrics`.
    """
    groups: dict[tuple[Plane, int], dict[str, PlaneMetric]] = {}
    scores: dict[str, Tensor] = {}
    for name, metric in metrics.items():
        if isinstance(metric, PlaneMetric):
            groups.setdefault((metric.plane, metric.border), {})[name] = metric
        else:
            scores[name] = metric.score(pred, gt, previous=previous)
    for (plane, border), group in groups.items():
        scores |= _score_planes(group, pred, gt, plane=plane, border=border)
    return {name: scores[name] for name in metrics}


def _score_planes(
    metrics: Mapping[str, PlaneMetric], pred: Tensor, gt: Tensor, *, plane: Plane, border: int
) -> dict[str, Tensor]:
    # Imported here, because this module must not import torch when it is itself imported.
    import torch  # noqa: PLC0415

    from harness.metrics.color import plane_pairs  # noqa: PLC0415

    parts: dict[str, list[Tensor]] = {name: [] for name in metrics}
    for pair in plane_pairs(pred, gt, plane=plane, border=border):
        for name, metric in metrics.items():
            parts[name].append(metric.score_planes(*pair))
    return {name: torch.cat(scores) for name, scores in parts.items()}
