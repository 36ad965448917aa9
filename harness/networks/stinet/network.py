"""STINet: the four phases of Fig. 2, one after the other.

Source: Z. Yue, M. Shi, S. Ding, "Enhancing Space-time Video Super-resolution via Spatial-temporal Feature
Interaction", 2022. Where to find it: Sec. III-A `initialisation`, III-B and Eq. 1 `interpolation`, III-C `local`,
III-D `global_refinement` and `edges`, III-E `reconstruction`; Eq. 2 to 4 are losses, not part of the network.

Conventions: frames in and out are RGB in ImageNet's normalisation, (x - mean) / deviation of [0, 1]; the upscaler
does that. Flows are (B, N-1, 2, h, w) in LR pixels, dx before dy. Any h, w >= 1 and N >= 2; nothing has to be a
multiple of anything. Clips of a batch do not see each other. The stages are modules that are given: a variant is
another set of stages (see `build`). Inside, time comes before the batch (see `sides`).

The whole clip is one straight-line program: no loop over frames or edges, nothing waits for the device, no shape
depends on a value.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from harness.errors import DataError
from harness.networks.layers.sequences import MIDDLE, on_device, timestamps
from harness.networks.stinet.initialisation import Initialisation
from harness.networks.stinet.interpolation import Interpolation
from harness.networks.stinet.reconstruction import Reconstruction
from harness.networks.stinet.sides import Private, Sides
from harness.networks.supervised import Supervised


class STINet(nn.Module):
    """Frames and flows of N given frames to all frames, four times larger.

    Args:
        initialisation: S-SR, features of the given frames.
        interpolation: ST-FI, features of all frames.
        local_refinement: ST-LR, features to features.
        global_refinement: ST-GR, features to features and their gain.
        reconstruction: features to frames.
        base: what the network adds to: nothing, as in the paper, or an enlarged clip.
        phase_1_heads: features to the pictures of phase 1; only training calls it.
    """

    def __init__(
        self,
        *,
        initialisation: Initialisation,
        interpolation: Interpolation,
        local_refinement: nn.Module,
        global_refinement: nn.Module,
        reconstruction: Reconstruction,
        base: nn.Module,
        phase_1_heads: Private,
    ) -> None:
        super().__init__()
        self.initialisation = initialisation
        self.interpolation = interpolation
        self.local_refinement = local_refinement
        self.global_refinement = global_refinement
        self.reconstruction = reconstruction
        self.base = base
        self.phase_1_heads = phase_1_heads

    def forward(
        self, frames: Tensor, flow_0_to_1: Tensor, flow_1_to_0: Tensor, *, times: Sequence[float] = MIDDLE
    ) -> Tensor:
        """Upscale in space and time.

        Args:
            frames: (B, N, 3, h, w), normalised.
            flow_0_to_1: (B, N-1, 2, h, w), from each frame to the next, LR pixels.
            flow_1_to_0: (B, N-1, 2, h, w), from each frame to the one before.
            times: K increasing times between two given frames, in (0, 1).

        Returns:
            (B, N + (N-1) K, 3, 4h, 4w), normalised, not clamped, in the order of time.

        Raises:
            DataError: frames and flows do not fit together.
        """
        features = self.phase_1(frames, flow_0_to_1, flow_1_to_0, times=times)
        return self.finish(features, frames, times=times)

    def supervised(
        self, frames: Tensor, flow_0_to_1: Tensor, flow_1_to_0: Tensor, *, times: Sequence[float] = MIDDLE
    ) -> Supervised:
        """As `forward`, with the pictures of phase 1 beside the frames."""
        features = self.phase_1(frames, flow_0_to_1, flow_1_to_0, times=times)
        pictures = self.phase_1_heads(features).items()
        return Supervised(
            frames=self.finish(features, frames, times=times),
            phase_1={side: maps.transpose(0, 1) for side, maps in pictures},
        )

    def phase_1(
        self, frames: Tensor, flow_0_to_1: Tensor, flow_1_to_0: Tensor, *, times: Sequence[float] = MIDDLE
    ) -> Sides:
        """L and H of all frames, (T, B, C, ...); they depend on a frame or on a pair of given frames only."""
        _check(frames, flow_0_to_1, flow_1_to_0)
        given: Sides = self.initialisation(frames.transpose(0, 1))
        if not times:  # rate 1: super-resolution alone
            return given
        features: Sides = self.interpolation(
            given, flow_0_to_1.transpose(0, 1), flow_1_to_0.transpose(0, 1), times=times
        )
        return features

    def finish(self, features: Sides, frames: Tensor, *, times: Sequence[float] = MIDDLE) -> Tensor:
        """Phases 2 to 4: refine by the neighbours, then by the whole sequence, then make frames."""
        local = self.local_refinement(features)
        refined = self.global_refinement(local, timestamps(frames.shape[1], on_device(times, frames.device)))
        made: Tensor = self.reconstruction(refined)
        base = self.base(frames.transpose(0, 1), times)
        return (made if base is None else made + base).transpose(0, 1)


def _check(frames: Tensor, flow_0_to_1: Tensor, flow_1_to_0: Tensor) -> None:
    wanted = (frames.shape[0], frames.shape[1] - 1, 2, *frames.shape[3:]) if frames.ndim == 5 else ()
    if not wanted or frames.shape[1] < 2 or flow_0_to_1.shape != wanted or flow_1_to_0.shape != wanted:
        raise DataError(
            "STINet takes two or more frames (B, N, 3, h, w) and two flows (B, N-1, 2, h, w).",
            found=f"{tuple(frames.shape)}, {tuple(flow_0_to_1.shape)} and {tuple(flow_1_to_0.shape)}",
            todo="pass the flow between every two neighbouring frames, in both directions",
        )
