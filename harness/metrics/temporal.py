"""What metrics of frame pairs share: a frame is scored against the frame before it, across batches."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor

from harness.flow.clip import preceded
from harness.flow.farneback import Farneback
from harness.metrics.color import check_pair


class TemporalMetric(ABC):
    """A metric of consecutive frames, with Farneback's flow on 8-bit grey at hand."""

    def __init__(self) -> None:
        self._flow = Farneback()

    @torch.no_grad()
    def score(self, pred: Tensor, gt: Tensor, *, previous: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """One score per frame.

        Args:
            pred: (B, 3, H, W) RGB, uint8 or float in [0, 255], consecutive frames.
            gt: like `pred`.
            previous: prediction and ground truth of the frame before the first, (3, H, W) each.

        Returns:
            (B,) float64; the first is NaN without `previous`.

        Raises:
            DataError: the frames are not RGB or their shapes differ.
        """
        check_pair(pred, gt)
        scores = []
        if previous is None:
            scores.append(pred.new_full((1,), torch.nan, dtype=torch.float64))
        else:
            pred, gt = preceded(pred, previous[0]), preceded(gt, previous[1])
        return torch.cat([*scores, *self._score_pairs(pred, gt)])

    @abstractmethod
    def _score_pairs(self, pred: Tensor, gt: Tensor) -> Iterator[Tensor]:
        """The scores of frames 1, 2, ... against the frame before each, float64, some frames at a time."""
