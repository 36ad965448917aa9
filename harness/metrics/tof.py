"""tOF: how far the motion in the output is from the motion in the ground truth. Lower is better.

Mengyu Chu, You Xie, Jonas Mayer, Laura Leal-Taixe, Nils Thuerey, "Learning Temporal Coherence via Self-Supervision
for GAN-based Video Generation" (TecoGAN), ACM TOG 2020. Optical flow t - 1 -> t is computed in the ground truth and
in the output, both by Farneback's method on 8-bit grey; the score of frame t is the mean over all pixels of the
length of their difference, in pixels.

Conventions: frames (B, 3, H, W) RGB, uint8 or float in [0, 255] (floats are rounded for the flow, as it is defined on
8 bits). Identical frames give 0; two black clips too; the first frame of a clip has no score (NaN).

Deviation: TecoGAN's script drops the first and the last two frames of a clip and crops the flow to a centred multiple
of 32. Here each frame counts wholly, as in the other scores of this harness. Its numbers are therefore not ours.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from harness.flow.clip import neighbours
from harness.flow.farneback import Farneback
from harness.metrics.temporal import TemporalMetric


class Tof(TemporalMetric):
    """tOF of each frame against the frame before it, pixels."""

    identity = f"farneback{Farneback.version},grey,whole-frame"

    def _score_pairs(self, pred: Tensor, gt: Tensor) -> Iterator[Tensor]:
        for of_pred, of_gt in zip(neighbours(pred, flow=self._flow), neighbours(gt, flow=self._flow), strict=True):
            difference = self._flow.between(*of_pred) - self._flow.between(*of_gt)  # (N, 2, H, W)
            yield difference.to(torch.float64).norm(dim=1).mean(dim=(1, 2))
