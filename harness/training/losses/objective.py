"""What is minimised: the weighted sum of the losses that a card asks for.

Source: Eq. 4 (Yue, Shi, Ding, 2022): l = l_rec + l'_rec + lambda_1 l_per + lambda_2 (l_abs + l_rel), where l'_rec
supervises the pictures of phase 1. Reconstruction is computed in the network's units, as in the release; the
perceptual and the motion loss see frames in [0, 1], and the final frames alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from harness.errors import DataError
from harness.networks.state import sha256_of
from harness.training.losses.motion import MotionConsistency, motion_flow
from harness.training.losses.perceptual import Perceptual
from harness.training.losses.reconstruction import Reconstruction
from harness.training.losses.vgg import find_vgg, load_vgg
from harness.training.options import TrainingOptions
from harness.training.trainable import Prediction, Units


@dataclass(frozen=True)
class Truth:
    """The ground truth of a batch.

    Args:
        hr: all frames, (B, T, 3, H, W), RGB in [0, 1].
        lr: their LR versions, (B, T, 3, h, w).
    """

    hr: Tensor
    lr: Tensor


@dataclass(frozen=True)
class Losses:
    """The losses of a batch.

    Args:
        total: what is minimised.
        terms: each loss by name, without its weight, without gradient.
    """

    total: Tensor
    terms: Mapping[str, Tensor]


class Objective:
    """The losses of a card.

    Args:
        options: which ones, and their weights.
        device: where they are computed.
        vgg: VGG-19's weights; see `find_vgg`. Looked for only where the perceptual loss counts.

    Attributes:
        weights: SHA-256 of the weights of the frozen networks that losses look through, by name.

    Raises:
        DataError: a loss counts, and the weights that it needs are not here.
    """

    def __init__(self, options: TrainingOptions, *, device: torch.device, vgg: Path | None = None) -> None:
        self.options = options
        self.reconstruction = Reconstruction(options.reconstruction)
        self.perceptual: Perceptual | None = None
        self.motion: MotionConsistency | None = None
        self.weights: dict[str, str] = {}
        if options.lambda_per > 0:
            path = find_vgg(vgg)
            self.perceptual = Perceptual(load_vgg(path).to(device))
            self.weights["vgg"] = sha256_of(path)
        if options.lambda_mcl > 0:
            flow = motion_flow(options.mcl_flow, device=device)
            self.motion = MotionConsistency(absolute=options.mcl_absolute, relative=options.mcl_relative, flow=flow)
            self.weights |= {flow.name: flow.weights_sha256} if flow.weights_sha256 else {}

    def weight(self, term: str) -> float:
        """The weight of a loss in the sum."""
        return {"per": self.options.lambda_per, "mcl": self.options.lambda_mcl}.get(term.partition("_")[0], 1.0)

    def __call__(self, prediction: Prediction, truth: Truth, units: Units) -> Losses:
        """The losses of a batch; means over its clips, so that those of its parts average to those of the whole."""
        wanted = {frames.shape[-2:]: units.to_network(frames) for frames in (truth.lr, truth.hr)}
        pictures = {"rec": prediction.frames}
        pictures |= {f"rec_{name}": picture for name, picture in prediction.pictures.items()}
        terms = {name: self._reconstruct(picture, wanted, name=name) for name, picture in pictures.items()}
        total = torch.stack(list(terms.values())).sum()
        frames = units.to_rgb(prediction.frames) if self.perceptual or self.motion else prediction.frames
        if self.perceptual is not None:
            terms["per"] = self.perceptual(frames, truth.hr)
            total = total + self.options.lambda_per * terms["per"]
        if self.motion is not None:
            motion = self.motion(frames, truth.hr)
            terms |= {"mcl_abs": motion.absolute, "mcl_rel": motion.relative}
            total = total + self.options.lambda_mcl * motion.total
        return Losses(total, {name: term.detach() for name, term in terms.items()})

    def _reconstruct(self, picture: Tensor, wanted: Mapping[torch.Size, Tensor], *, name: str) -> Tensor:
        if picture.shape[-2:] not in wanted:
            raise DataError(
                f"The pictures '{name}' should have the size of LR or of HR frames.",
                found=f"{picture.shape[-1]}x{picture.shape[-2]}",
            )
        return self.reconstruction(picture, wanted[picture.shape[-2:]])
