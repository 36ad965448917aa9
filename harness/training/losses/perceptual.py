"""The perceptual loss: the squared distance of VGG-19's features.

Source: l_per, Sec. III-F (Yue, Shi, Ding, 2022), on the final frames. The paper names no layer; the release takes
relu5_4 and adds up the frames of a clip, each by the mean over its features; so does this.

Conventions: frames (B, T, 3, H, W), RGB in [0, 1].
"""

from functools import lru_cache

import torch
from torch import Tensor, nn

from harness.ops.precision import at_least_float32, full_precision
from harness.training.losses.vgg import DEVIATION, MEAN


class Perceptual:
    """Sum over the frames of a clip, mean over clips and features.

    Args:
        eye: frames (B, 3, H, W) in ImageNet's normalisation to features; frozen.
    """

    def __init__(self, eye: nn.Module) -> None:
        self.eye = eye

    def __call__(self, frames: Tensor, truth: Tensor) -> Tensor:
        """Two clips (B, T, 3, H, W) in [0, 1] to one number; no gradient goes to `truth`."""
        with full_precision(frames.device.type):
            with torch.no_grad():
                wanted = self._features(truth)
            return (self._features(frames) - wanted).square().mean() * frames.shape[1]

    def _features(self, frames: Tensor) -> Tensor:
        values = at_least_float32(frames)
        mean, deviation = _moments(values.dtype, values.device)
        features: Tensor = self.eye(((values - mean) / deviation).flatten(0, 1))
        return features


@lru_cache(maxsize=8)
def _moments(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and deviation, kept: a copy to a GPU waits for everything that the GPU has still to do."""
    with torch.inference_mode(False):
        mean, deviation = (torch.tensor(x, dtype=dtype, device=device).view(3, 1, 1) for x in (MEAN, DEVIATION))
        return mean, deviation
