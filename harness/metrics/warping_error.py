"""Warping error: how much the output changes along the motion of the ground truth. Lower is better.

Wei-Sheng Lai, Jia-Bin Huang, Oliver Wang, Eli Shechtman, Ersin Yumer, Ming-Hsuan Yang, "Learning Blind Video Temporal
Consistency", ECCV 2018. Frame t - 1 of the output is warped to frame t along the ground truth's flow t -> t - 1; the
score of frame t is the mean squared difference, colours in [0, 1], over all pixels of frame t that could be seen in
frame t - 1. It knows the ground truth only by its motion: a blurred but calm clip scores well.

A pixel counts as seen when flow and return flow cancel (harness.ops.warp.visible, with that paper's thresholds:
|f + b|^2 <= 0.01 (|f|^2 + |b|^2) + 0.5) and when the flow stays inside the frame.

Conventions: frames (B, 3, H, W) RGB, uint8 or float in [0, 255]. A still clip gives nearly 0 (Farneback's flow of
a still clip is not quite zero at the right and low edges). The first frame of a clip has no score (NaN), nor has
a frame none of whose pixels was seen before.

Deviation: the flow is Farneback's on 8-bit grey, not FlowNet2's (a learned network with its own CUDA operators), and
the motion-boundary rule of Ruder et al. 2016, made for sharp learned flow, is left out. The paper's numbers are
therefore not ours.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from harness.flow.clip import neighbours
from harness.flow.farneback import Farneback
from harness.metrics.temporal import TemporalMetric
from harness.ops.warp import visible, warp


class WarpingError(TemporalMetric):
    """Warping error of each frame against the frame before it, squared range [0, 1]."""

    identity = f"farneback{Farneback.version},grey,seen0.01+0.5"

    def _score_pairs(self, pred: Tensor, gt: Tensor) -> Iterator[Tensor]:
        start = 0
        for earlier, later in neighbours(gt, flow=self._flow):
            flow_back = self._flow.between(later, earlier)  # from t to t - 1, (N, 2, H, W)
            seen = visible(flow_back, self._flow.between(earlier, later))
            pairs = flow_back.shape[0]
            output = pred[start : start + pairs + 1].to(torch.float32) / 255
            error = (output[1:] - warp(output[:-1], flow_back)).square().mean(dim=1, keepdim=True)
            total = (error.to(torch.float64) * seen).sum(dim=(1, 2, 3))
            yield total / seen.sum(dim=(1, 2, 3))  # 0 / 0 = NaN where nothing was seen
            start += pairs
