"""TMNet: Zooming Slow-Mo with new frames at times of your own, and a comparison of neighbours before the ConvLSTM.

Source: G. Xu, J. Xu, Z. Li, L. Wang, X. Sun, M.-M. Cheng, "Temporal Modulation Network for Controllable Space-Time
Video Super-Resolution", 2021, and the behaviour of its release where the text is silent.

Conventions: frames are RGB in [0, 1], nothing is subtracted, nothing is clamped; no enlarged input is added to the
result. Any number of frames from two; any height and width (the authors' test programs pad to multiples of four;
so does the upscaler). Inside, time comes before the batch (see `layers.sequences`); clips of a batch do not see each
other.

The only loop is that of the recurrence, over time, with both directions in one batch. All else is done for all
frames, or for all pairs at all times, at once; nothing waits for the device. torch.compile makes one graph of it.

The comparison is the stage that STINet calls ST-LR, which took it over (harness.networks.stinet.local).
"""

from collections.abc import Sequence

from torch import Tensor, nn

from harness.errors import DataError
from harness.networks.layers.interpolation import FeatureInterpolation
from harness.networks.layers.sequences import MIDDLE, on_device, per_map, timestamps
from harness.networks.zooming_slow_mo.network import check_frames


class TMNet(nn.Module):
    """N frames to N + (N-1) K, four times larger.

    Args:
        features: a frame to its features, (B, 3, h, w) to (B, C, h, w).
        interpolation: controllable feature interpolation, features of the given frames to those of all frames.
        comparison: locally-temporal feature comparison, which adds to every frame what its neighbours know.
        global_refinement: globally-temporal feature fusion.
        trunk: residual blocks on each frame.
        tail: features to pictures, (B, C, h, w) to (B, 3, 4h, 4w).
    """

    def __init__(
        self,
        *,
        features: nn.Module,
        interpolation: FeatureInterpolation,
        comparison: nn.Module,
        global_refinement: nn.Module,
        trunk: nn.Module,
        tail: nn.Module,
    ) -> None:
        super().__init__()
        self.features = features
        self.interpolation = interpolation
        self.comparison = comparison
        self.global_refinement = global_refinement
        self.trunk = trunk
        self.tail = tail

    def forward(self, frames: Tensor, *, times: Sequence[float] | Tensor = MIDDLE) -> Tensor:
        """Upscale in space and time.

        Args:
            frames: (B, N, 3, h, w), RGB in [0, 1].
            times: K increasing times between two given frames, in (0, 1), or a tensor (B, K) of them for each clip.
                The default is the single-frame mode, in which nothing is modulated; at a time of one half the
                multi-frame mode gives the same, because modulation is zero there.

        Returns:
            (B, N + (N-1) K, 3, 4h, 4w), not clamped, in the order of time.

        Raises:
            DataError: frames or times of another shape, or one frame alone.
        """
        check_frames(frames, network="TMNet")
        moments = _for_each_clip(times, frames)
        modulated = isinstance(times, Tensor) or tuple(times) != MIDDLE
        given = per_map(self.features, frames.transpose(0, 1))
        sequence = self.interpolation(given, times=moments if modulated else None)
        compared = self.comparison({"lr": sequence})["lr"]
        refined = self.global_refinement(compared, timestamps(len(given), moments))
        return per_map(self.tail, per_map(self.trunk, refined) + sequence, grows=16).transpose(0, 1)


def _for_each_clip(times: Sequence[float] | Tensor, frames: Tensor) -> Tensor:
    """(B, K)."""
    clips = len(frames)
    given = times if isinstance(times, Tensor) else on_device(times, frames.device).expand(clips, -1)
    if given.ndim != 2 or len(given) != clips or not given.shape[1]:
        raise DataError(
            "TMNet takes one time or more, the same for all clips or as a tensor (B, K).",
            found=f"shape {tuple(given.shape)} for {clips} clips",
        )
    return given
