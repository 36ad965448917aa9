"""What a metric is: plain data about it (`MetricInfo`) and something that scores frames (`FrameMetric`).

Conventions: frames are (B, 3, H, W) RGB, uint8 or float in [0, 255]; the prediction has already been quantised
(or not) as the protocol says. A score is one float64 per frame. Importing this module does not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

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
class SharedPass(Protocol):
    """A metric that another one on the same plane gives in the same pass over the frames."""

    kind: Literal["psnr", "ssim"]
    plane: Plane
    border: int


def score_frames(
    metrics: Mapping[str, FrameMetric],
    pred: Tensor,
    gt: Tensor,
    *,
    previous: tuple[Tensor, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Score a batch with several metrics; PSNR and SSIM of the same plane take one pass together.

    Args:
        metrics: name to metric, as `get_metric` gives them.
        pred: (B, 3, H, W) RGB, uint8 or float in [0, 255].
        gt: like `pred`, on the same device.
        previous: see `FrameMetric.score`.

    Returns:
        (B,) float64 for every name, in the order of `metrics`.
    """
    wanted: dict[tuple[Plane, int], set[str]] = {}
    keys: dict[str, tuple[tuple[Plane, int], str]] = {}
    for name, metric in metrics.items():
        if isinstance(metric, SharedPass):
            keys[name] = (metric.plane, metric.border), metric.kind
            wanted.setdefault(keys[name][0], set()).add(metric.kind)
    passes = {key: _one_pass(pred, gt, plane=key[0], border=key[1]) for key in wanted if len(wanted[key]) > 1}
    scores = {}
    for name, scorer in metrics.items():
        key, kind = keys.get(name, (None, ""))
        scores[name] = passes[key][kind] if key in passes else scorer.score(pred, gt, previous=previous)
    return scores


def _one_pass(pred: Tensor, gt: Tensor, *, plane: Plane, border: int) -> dict[str, Tensor]:
    # Imported here, because this module must not import torch when it is itself imported.
    from harness.metrics.ssim import psnr_and_ssim  # noqa: PLC0415

    psnr, ssim = psnr_and_ssim(pred, gt, plane=plane, border=border)
    return {"psnr": psnr, "ssim": ssim}
