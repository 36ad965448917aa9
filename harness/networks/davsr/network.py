"""DAVSR: a clip that explains the input and looks like a clip, by turns.

Source: J. Cao, J. Liang, K. Zhang, W. Wang, Q. Wang, Y. Zhang, H. Tang, L. Van Gool, "Towards Interpretable Video
Super-Resolution via Alternating Optimization", 2022, and the behaviour of its release where the text is silent.

Conventions: frames are RGB in [0, 1], nothing is clamped. T = time_factor * t output frames, H = 4 h, W = 4 w. As
published (exposure "open"), input frame i is the mean of output frames 5 i ... 5 i + 4, and shows the moment of the
third of them. With Super SloMo h and w are multiples of 32. Any t >= 2; clips of a batch do not see each other.

Nothing waits for the device. torch.compile makes one graph of it, whose complex numbers inductor leaves to eager
kernels.

Deviation: the release keeps a second denoiser, which it never calls, and predicts as many more numbers beside the
step sizes, which it never reads; they are left out. It reads Super SloMo's weights from its file at every call; here
they are a part of the network, frozen.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from harness.errors import DataError
from harness.networks.davsr.data_step import DataStep
from harness.networks.davsr.initial import InitialEstimate
from harness.networks.davsr.prior import Prior
from harness.networks.davsr.slomo import MULTIPLE, SuperSloMo
from harness.ops.precision import at_least_float32, full_precision

LEAST_SIDE = 7
"""Pixels; the camera's blur, 25 pixels wide, must fit into a clip of four times the size."""


class StepSizes(nn.Module):
    """How much each data step trusts the estimate: numbers above zero that follow from what the camera does.

    Args:
        layers: (noise, time factor, space factor) to a number for each iteration.
        degradation: these three.
    """

    def __init__(self, layers: nn.Module, degradation: Sequence[float]) -> None:
        super().__init__()
        self.layers = layers
        self.register_buffer("degradation", torch.tensor(degradation), persistent=False)

    def forward(self) -> Tensor:
        """(iterations,)."""
        with full_precision(self.get_buffer("degradation").device.type):
            sizes: Tensor = self.layers(self.get_buffer("degradation"))
            return sizes + 1e-6


class DAVSR(nn.Module):
    """Frames to more and larger frames.

    Args:
        initial: where the iterations start.
        step_sizes: of the data steps.
        data_step: to what explains the input.
        prior: to what looks like a clip; the same weights in each iteration.
    """

    def __init__(self, *, initial: InitialEstimate, step_sizes: StepSizes, data_step: DataStep, prior: Prior) -> None:
        super().__init__()
        self.initial = initial
        self.step_sizes = step_sizes
        self.data_step = data_step
        self.prior = prior

    def forward(self, frames: Tensor) -> Tensor:
        """Upscale in space and time, and remove the blur of a camera's open shutter.

        Args:
            frames: (B, t, 3, h, w), RGB in [0, 1].

        Returns:
            (B, T, 3, H, W), not clamped.

        Raises:
            DataError: frames of another shape, one alone, or of a size that Super SloMo cannot take.
        """
        self._check(frames)
        with full_precision(frames.device.type):
            estimate: Tensor = self.initial(at_least_float32(frames))
            observed = self.data_step.observe(at_least_float32(frames).transpose(1, 2))
        for alpha in self.step_sizes():
            with full_precision(frames.device.type):
                explained = self.data_step(at_least_float32(estimate).transpose(1, 2), observed, alpha)
            estimate = self.prior(explained.transpose(1, 2))
        return estimate

    def _check(self, frames: Tensor) -> None:
        if frames.ndim != 5 or frames.shape[1] < 2 or frames.shape[2] != 3:
            raise DataError(
                "DAVSR takes two or more frames, (B, t, 3, h, w).",
                found=str(tuple(frames.shape)),
                todo="give it neighbouring frames of one clip",
            )
        height, width = frames.shape[3:]
        wanted = MULTIPLE if isinstance(self.initial.interpolate, SuperSloMo) else 1
        if height % wanted or width % wanted or min(height, width) < LEAST_SIDE:
            raise DataError(
                f"DAVSR takes frames of multiples of {wanted} pixels, at least {LEAST_SIDE}.",
                found=f"{width}x{height}",
                todo="pad the frames, as its upscaler does",
            )
