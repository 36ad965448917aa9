"""PSNR on clips that are not learned from.

The first T frames of every held-out clip, rounded to 8 bits; PSNR on Y (harness.metrics.psnr), mean over frames and
clips. A recipe of several rates gets a score for each of them, and their mean. It shows how training goes. It is no
benchmark: those are `harness run`'s.
"""

from collections.abc import Mapping, Sequence

import torch

from harness.evaluation.precision import compute
from harness.metrics.psnr import psnr
from harness.ops.resize import quantise
from harness.training.frames import Frames
from harness.training.recipe import Recipe
from harness.training.trainable import Trainable, Units


def validate(
    trainable: Trainable, clips: Sequence[Frames], recipe: Recipe, *, units: Units, device: torch.device
) -> dict[str, float]:
    """Mean PSNR-Y in dB over the held-out clips, "psnr_y"; of several rates their mean, and "psnr_y_x2", ..."""
    rates = sorted(set(recipe.each_rate))
    trainable.module.eval()
    try:
        scores = [_score(trainable, clips, recipe, rate=rate, units=units, device=device) for rate in rates]
    finally:
        trainable.module.train()
    each = {f"psnr_y_x{rate}": score for rate, score in zip(rates, scores, strict=True)} if len(rates) > 1 else {}
    return {"psnr_y": sum(scores) / len(scores), **each}


def in_decibels(scores: Mapping[str, float]) -> str:
    """One line."""
    each = [f"{score:.2f} at rate {name.rpartition('_x')[2]}" for name, score in scores.items() if "_x" in name]
    return f"PSNR-Y {scores['psnr_y']:.2f} dB" + (f" ({', '.join(each)})" if each else "")


@torch.no_grad()
def _score(
    trainable: Trainable, clips: Sequence[Frames], recipe: Recipe, *, rate: int, units: Units, device: torch.device
) -> float:
    scores = []
    for clip in clips:
        shown = _centre(clip, recipe, frames=recipe.frames_at(rate), scale=trainable.scale)
        given = shown.lr[::rate].to(device).float().div(255).unsqueeze(0)
        with compute(device, recipe.precision):
            prediction = trainable.predict(given, rate=rate)
        frames = quantise(units.to_rgb(prediction.frames[0]))
        scores.append(psnr(frames, shown.hr.to(device), plane="y").mean())
    return float(torch.stack(scores).mean())


def _centre(clip: Frames, recipe: Recipe, *, frames: int, scale: int) -> Frames:
    height, width = clip.lr.shape[-2:]
    side = recipe.validation_crop or max(height, width)
    top, left = max(0, (height - side) // 2), max(0, (width - side) // 2)
    bottom, right = min(height, top + side), min(width, left + side)
    return Frames(
        hr=clip.hr[:frames, :, scale * top : scale * bottom, scale * left : scale * right],
        lr=clip.lr[:frames, :, top:bottom, left:right],
    )
