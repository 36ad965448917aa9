"""The data step: the clip that is closest to an estimate, and of which the camera would have made the input.

Source: J. Cao et al., "Towards Interpretable Video Super-Resolution via Alternating Optimization", 2022, after
N. Zhao et al., "Fast Single Image Super-Resolution Using a New Analytical Solution for l2-l2 Problems", 2016. The
camera blurs in time and space by a periodic convolution B and keeps one of time_factor x 4 x 4 samples: S. Then

    v = argmin |S B v - y|^2 + alpha |v - estimate|^2

has a closed form in the frequencies of the clip: all is diagonal there but S, which folds them onto each other.

Conventions: clips (B, 3, T, H, W), any range; T, H, W are time_factor, 4 and 4 times those of the input. float32 or
better, complex inside, outside of autocast. Torch's inductor leaves complex numbers to eager kernels.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

_KERNEL = Path(__file__).with_name("blur_kernel.csv")
_KERNEL_SHARE = 5
"""The file holds a fifth of the kernel: what each of the published network's five frames adds to their mean."""

_VOLUME = (-3, -2, -1)


class Observation(NamedTuple):
    """What the input says, in frequencies.

    Args:
        blur: of B, (1, 1, T, H, W), complex.
        back_projected: of B' S' y, (B, 3, T, H, W), complex.
        power: of S B B' S', (1, 1, t, h, w), real.
    """

    blur: Tensor
    back_projected: Tensor
    power: Tensor


class DataStep(nn.Module):
    """The closed form.

    Args:
        factors: of time, height and width.
        frames: over how many frames the camera's shutter is open, centred; an odd number.
    """

    def __init__(self, factors: Sequence[int], *, frames: int) -> None:
        super().__init__()
        self.factors = tuple(factors)
        kernel = spatial_kernel() * (_KERNEL_SHARE / frames)
        self.register_buffer("kernel", kernel.expand(frames, -1, -1).contiguous(), persistent=False)

    def observe(self, frames: Tensor) -> Observation:
        """The input (B, 3, t, h, w), prepared for all steps."""
        sizes = [size * factor for size, factor in zip(frames.shape[2:], self.factors, strict=True)]
        blur = torch.fft.fftn(self._at_origin(sizes, frames.dtype), dim=_VOLUME)
        samples = frames.new_zeros((*frames.shape[:2], *sizes))
        time, height, width = self.factors
        samples[:, :, ::time, ::height, ::width] = frames
        return Observation(
            blur=blur,
            back_projected=blur.conj() * torch.fft.fftn(samples, dim=_VOLUME),
            power=self._folded(blur.abs().square()),
        )

    def forward(self, estimate: Tensor, observed: Observation, alpha: Tensor) -> Tensor:
        """The step.

        Args:
            estimate: (B, 3, T, H, W).
            observed: of the input.
            alpha: trust in the estimate, a number.

        Returns:
            (B, 3, T, H, W).
        """
        right_side = observed.back_projected + torch.fft.fftn(alpha * estimate, dim=_VOLUME)
        ratio = self._folded(observed.blur * right_side) / (observed.power + alpha)
        solution = (right_side - observed.blur.conj() * self._unfolded(ratio)) / alpha
        explained: Tensor = torch.fft.ifftn(solution, dim=_VOLUME).real
        return explained

    def _at_origin(self, sizes: Sequence[int], dtype: torch.dtype) -> Tensor:
        """The kernel in a volume of zeros, its centre at the origin, around which it wraps: (1, 1, T, H, W)."""
        kernel = self.get_buffer("kernel").to(dtype)
        volume = kernel.new_zeros(tuple(sizes))
        frames, rows, columns = kernel.shape
        volume[:frames, :rows, :columns] = kernel
        centred = volume.roll([-(side // 2) for side in kernel.shape], dims=(0, 1, 2))
        return centred[None, None]

    def _folded(self, spectrum: Tensor) -> Tensor:
        """What is left of frequencies by taking one of so many samples: the mean over those that become equal."""
        time, height, width = self.factors
        parts: Tensor = spectrum.unflatten(4, (width, -1)).unflatten(3, (height, -1)).unflatten(2, (time, -1))
        return parts.mean(dim=(2, 4, 6))

    def _unfolded(self, spectrum: Tensor) -> Tensor:
        """The frequencies of samples with zeros between them: (..., t, h, w) to (..., T, H, W)."""
        return spectrum.repeat(1, 1, *self.factors)


@cache
def spatial_kernel() -> Tensor:
    """The camera's blur, (25, 25), divided by five; close to that of a bicubic reduction by four."""
    with torch.inference_mode(False):
        return torch.from_numpy(np.loadtxt(_KERNEL, delimiter=",", dtype=np.float32))
