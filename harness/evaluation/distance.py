"""How far a precision is from fp32: the PSNR between two runs of the same window on the same device.

What a precision costs in a table depends on it: at a distance of 52 dB the noise of the precision takes 0.14 dB off
a result of 37.4 dB, at 70 dB 0.002. It differs between weights, and is measured, not assumed.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from harness.evaluation.precision import Precision, compute
from harness.upscalers.base import Upscaler


def distances_db(upscaler: Upscaler, lr_clip: Tensor, rate: int, precisions: Iterable[Precision]) -> dict[str, float]:
    """The distance of each precision to fp32, of one window, neither clamped nor rounded.

    Args:
        upscaler: in evaluation mode.
        lr_clip: one window (N, 3, h, w) in [0, 1], on the upscaler's device.
        rate: temporal factor.
        precisions: to be compared with fp32.

    Returns:
        dB, of [0, 1] frames. Infinite where not a bit differs; NaN where the precision's range did not suffice.
    """
    exact = _upscaled(upscaler, lr_clip, rate, "fp32")
    return {name: _psnr(_upscaled(upscaler, lr_clip, rate, name), exact) for name in precisions}


def in_words(distance_db: float) -> str:
    """A distance for people."""
    if math.isnan(distance_db):
        return "not finite: too large for its range"
    return "the same bits" if math.isinf(distance_db) else f"{distance_db:.1f} dB"


def _upscaled(upscaler: Upscaler, lr_clip: Tensor, rate: int, precision: Precision) -> Tensor:
    with torch.inference_mode(), compute(lr_clip.device, precision):
        upscaled: Tensor = upscaler(lr_clip, rate)
    return upscaled.double()


def _psnr(frames: Tensor, exact: Tensor) -> float:
    error = float((frames - exact).square().mean())
    if error == 0:
        return math.inf
    return -10 * math.log10(error) if math.isfinite(error) else math.nan
