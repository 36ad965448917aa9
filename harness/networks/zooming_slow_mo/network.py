"""Zooming Slow-Mo: LR features of the frames between, a deformable ConvLSTM over all frames, then the pictures.

Source: X. Xiang, Y. Tian, Y. Zhang, Y. Fu, J. P. Allebach, C. Xu, "Zooming Slow-Mo: Fast and Accurate One-Stage
Space-Time Video Super-Resolution", 2020, and the behaviour of its release where the text is silent.

Conventions: frames are RGB in [0, 1], nothing is subtracted, nothing is clamped; no enlarged input is added to the
result. Any number of frames from two; one frame is made between every two. Height and width should be multiples of
four (the upscaler pads); where they are not, every stage still works, at sizes that the release refuses. Inside,
time comes before the batch (see `layers.sequences`); clips of a batch do not see each other.

The only loop is that of the recurrence, over time, with both directions in one batch. All else is done for all
frames, or for all pairs, at once; nothing waits for the device. torch.compile makes one graph of it.
"""

from torch import Tensor, nn

from harness.errors import DataError
from harness.networks.layers.conv_lstm import BidirectionalConvLSTM
from harness.networks.layers.interpolation import FeatureInterpolation
from harness.networks.layers.sequences import per_map


class ZoomingSlowMo(nn.Module):
    """N frames to 2N - 1, four times larger.

    Args:
        features: a frame to its features, (B, 3, h, w) to (B, C, h, w).
        interpolation: features of the given frames to those of all frames.
        recurrence: the deformable ConvLSTM over all frames.
        trunk: residual blocks on each frame.
        tail: features to pictures, (B, C, h, w) to (B, 3, 4h, 4w).
    """

    def __init__(
        self,
        *,
        features: nn.Module,
        interpolation: FeatureInterpolation,
        recurrence: BidirectionalConvLSTM,
        trunk: nn.Module,
        tail: nn.Module,
    ) -> None:
        super().__init__()
        self.features = features
        self.interpolation = interpolation
        self.recurrence = recurrence
        self.trunk = trunk
        self.tail = tail

    def forward(self, frames: Tensor) -> Tensor:
        """Upscale in space and time.

        Args:
            frames: (B, N, 3, h, w), RGB in [0, 1].

        Returns:
            (B, 2N - 1, 3, 4h, 4w), not clamped, in the order of time.

        Raises:
            DataError: frames of another shape, or one alone.
        """
        check_frames(frames, network="Zooming Slow-Mo")
        given = per_map(self.features, frames.transpose(0, 1))
        sequence = self.interpolation(given)
        refined = self.recurrence(sequence)
        return per_map(self.tail, per_map(self.trunk, refined), grows=16).transpose(0, 1)


def check_frames(frames: Tensor, *, network: str) -> None:
    """Raises DataError for what is not (B, N, 3, h, w) with two frames or more."""
    if frames.ndim != 5 or frames.shape[1] < 2 or frames.shape[2] != 3:
        raise DataError(
            f"{network} takes two or more frames, (B, N, 3, h, w).",
            found=str(tuple(frames.shape)),
            todo="give it the two frames between which new ones are made",
        )
