"""PSNR on clips that are not learned from.

The first T frames of every held-out clip, rounded to 8 bits; PSNR on Y (harness.metrics.psnr), mean over frames and
clips. It shows how training goes. It is no benchmark: those are `harness run`'s.
"""

from collections.abc import Sequence

import torch

from harness.evaluation.precision import compute
from harness.metrics.psnr import psnr
from harness.ops.resize import quantise
from harness.training.frames import Frames
from harness.training.recipe import Recipe
from harness.training.trainable import Trainable, Units


@torch.no_grad()
def validate(
    trainable: Trainable, clips: Sequence[Frames], recipe: Recipe, *, units: Units, device: torch.device
) -> float:
    """Mean PSNR-Y in dB over the held-out clips."""
    trainable.module.eval()
    scores = []
    try:
        for clip in clips:
            shown = _centre(clip, recipe, scale=trainable.scale)
            given = shown.lr[:: recipe.rate].to(device).float().div(255).unsqueeze(0)
            with compute(device, recipe.precision):
                prediction = trainable.predict(given, rate=recipe.rate)
            frames = quantise(units.to_rgb(prediction.frames[0]))
            scores.append(psnr(frames, shown.hr.to(device), plane="y").mean())
    finally:
        trainable.module.train()
    return float(torch.stack(scores).mean())


def _centre(clip: Frames, recipe: Recipe, *, scale: int) -> Frames:
    height, width = clip.lr.shape[-2:]
    side = recipe.validation_crop or max(height, width)
    top, left = max(0, (height - side) // 2), max(0, (width - side) // 2)
    bottom, right = min(height, top + side), min(width, left + side)
    return Frames(
        hr=clip.hr[: recipe.frames, :, scale * top : scale * bottom, scale * left : scale * right],
        lr=clip.lr[: recipe.frames, :, top:bottom, left:right],
    )
