"""EDVR: the frames around one are aligned with it, fused by attention, and the one is restored, four times larger.

Source: X. Wang, K. C. K. Chan, K. Yu, C. Dong, C. C. Loy, "EDVR: Video Restoration with Enhanced Deformable
Convolutional Networks", 2019, and the behaviour of its release where the text is silent.

Conventions: frames are RGB in [0, 1], nothing is subtracted, nothing is clamped. Height and width should be multiples
of four (the upscaler pads); where they are not, every stage still works, at sizes that the release refuses. Inside,
time comes before the batch (see `layers.sequences`); clips of a batch do not see each other.

All frames are one batch, in the features and in the alignment; nothing waits for the device. torch.compile makes one
graph of it.

Deviation: the paper's PreDeblur module, for blurry input, is not here; the release for sharp frames has none either.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import DataError
from harness.networks.layers.convolutions import SLOPE
from harness.networks.layers.pyramid import CoarsestLevel, FeaturePyramid, Pyramid, PyramidAlignment
from harness.networks.layers.sequences import per_map

SCALE = 4


class PCDAlignment(nn.Module):
    """Aligns from the coarsest level to the finest, then once more what came of it: the cascade.

    Args:
        channels: of the features.
        groups: deformable groups.
    """

    def __init__(self, channels: int, *, groups: int) -> None:
        super().__init__()
        self.pyramid = PyramidAlignment(channels, groups=groups)
        # With nothing coarser to go on from, as at level 3; here at full size.
        self.cascade = CoarsestLevel(channels, groups=groups)

    def forward(self, *levels: Tensor) -> Tensor:
        """Features moved to where the middle frame has them.

        Args:
            levels: the three levels of the frames' pyramids, (B, C, h, w) and smaller, then those of the middle
                frames'.

        Returns:
            (B, C, h, w), activated.
        """
        sampled, middle = Pyramid(*levels[:3]), Pyramid(*levels[3:])
        aligned = self.pyramid(sampled, middle)
        _, aligned = self.cascade(aligned, middle.level_1)
        return F.leaky_relu(aligned, SLOPE)


class EDVR(nn.Module):
    """T frames to the middle one, four times larger.

    Args:
        features: a frame to its features, (B, 3, h, w) to (B, C, h, w).
        pyramid: features to those at three sizes.
        align: two pyramids, six maps, to features of the first where the second has them.
        fusion: aligned features (T, B, C, h, w) to (B, C, h, w).
        trunk: residual blocks.
        tail: features to a picture, (B, C, h, w) to (B, 3, 4h, 4w).
    """

    def __init__(
        self,
        *,
        features: nn.Module,
        pyramid: FeaturePyramid,
        align: nn.Module,
        fusion: nn.Module,
        trunk: nn.Module,
        tail: nn.Module,
    ) -> None:
        super().__init__()
        self.features = features
        self.pyramid = pyramid
        self.align = align
        self.fusion = fusion
        self.trunk = trunk
        self.tail = tail

    def forward(self, frames: Tensor) -> Tensor:
        """Upscale the middle frame.

        Args:
            frames: (B, T, 3, h, w), RGB in [0, 1], as many as the network was built for.

        Returns:
            (B, 3, 4h, 4w), not clamped.

        Raises:
            DataError: frames of another shape.
        """
        if frames.ndim != 5 or frames.shape[1] % 2 == 0 or frames.shape[2] != 3:
            raise DataError("EDVR takes an odd number of frames, (B, T, 3, h, w).", found=str(tuple(frames.shape)))
        sequence = frames.transpose(0, 1)
        return self.restored(self.pyramids(sequence), sequence[len(sequence) // 2])

    def pyramids(self, frames: Tensor) -> Pyramid:
        """What is made of each frame by itself: (T, B, 3, h, w) to the features at three sizes, (T, B, C, ...)."""
        features = per_map(self.features, frames)
        levels = self.pyramid(features.flatten(0, 1))
        return Pyramid(*(level.unflatten(0, frames.shape[:2]) for level in levels))

    def restored(self, pyramids: Pyramid, middle: Tensor) -> Tensor:
        """The middle frame (B, 3, h, w), four times larger, with the help of all pyramids (T, B, C, ...)."""
        centre = len(pyramids.level_1) // 2
        reference = (level[centre].expand_as(level) for level in pyramids)
        aligned = per_map(self.align, *pyramids, *reference)
        picture = self.tail(self.trunk(self.fusion(aligned)))
        base = F.interpolate(middle, scale_factor=SCALE, mode="bilinear", align_corners=False)
        enlarged: Tensor = picture + base
        return enlarged
