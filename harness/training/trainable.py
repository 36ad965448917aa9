"""The door through which every network is trained: what the loop asks of it.

`Trainable` is the door; `SupervisedTrainable` opens it for upscalers and super-resolvers that offer `supervised` and
`normalise`, as STINet's and S-SR's do. Another network offers the same two, or brings a `Trainable` of its own.

Conventions: LR clips (B, N, 3, h, w), RGB in [0, 1]; predictions (B, T, 3, s*h, s*w) in the network's own units,
T = (N - 1) * rate + 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from harness.errors import UsageError
from harness.networks.stinet.network import STINet
from harness.ops.precision import at_least_float32
from harness.training.options import TrainingOptions
from harness.training.recipe import Recipe
from harness.upscalers.base import SuperResolver, Upscaler
from harness.upscalers.build import trained_module


@dataclass(frozen=True)
class Prediction:
    """What the losses see, in the network's units.

    Args:
        frames: the result, (B, T, 3, s*h, s*w).
        pictures: by name, further pictures of all T frames at LR or at HR size, supervised like the result.
    """

    frames: Tensor
    pictures: Mapping[str, Tensor] = field(default_factory=dict)


class Trainable(Protocol):
    """A network that can be trained."""

    @property
    def module(self) -> nn.Module:
        """What is trained, kept in checkpoints and exported: its state is what an upscaler's weights file holds."""

    @property
    def scale(self) -> int:
        """Spatial factor s."""

    def predict(self, lr_clips: Tensor, *, rate: int) -> Prediction:
        """LR clips (B, N, 3, h, w) in [0, 1] to predictions of all frames."""

    def normalise(self, frames: Tensor) -> Tensor:
        """Frames (..., 3, H, W) in [0, 1] to the network's units: an affine map per channel."""


class Units:
    """A network's units and the way back to [0, 1].

    The way back is found from where black and white go, so that no network has to write it down twice.
    """

    def __init__(self, trainable: Trainable, device: torch.device) -> None:
        self._trainable = trainable
        with torch.no_grad():
            ends = torch.tensor([0.0, 1.0], device=device).view(2, 1, 1, 1).expand(2, 3, 1, 1)
            black, white = at_least_float32(trainable.normalise(ends))
        self._shift, self._scale = black, white - black

    def to_network(self, frames: Tensor) -> Tensor:
        """[0, 1] to the network's units."""
        return self._trainable.normalise(frames)

    def to_rgb(self, frames: Tensor) -> Tensor:
        """The network's units to [0, 1], at least float32; not clamped."""
        rgb: Tensor = (at_least_float32(frames) - self._shift) / self._scale
        return rgb


class SupervisedFrames(Protocol):
    """What `supervised` returns."""

    @property
    def frames(self) -> Tensor:
        """The result, (B, T, 3, s*h, s*w)."""

    @property
    def phase_1(self) -> Mapping[str, Tensor]:
        """Further pictures: "lr" (B, T, 3, h, w), "hr" (B, T, 3, s*h, s*w), or what a variant has of them."""


@runtime_checkable
class SupervisedUpscaler(Protocol):
    """An upscaler, or a super-resolver, that offers what training needs, flow included."""

    scale: int

    def supervised(self, lr_clips: Tensor, *, rate: int = 2) -> SupervisedFrames:
        """LR clips (B, N, 3, h, w) in [0, 1] to what is supervised, in the network's units."""

    def normalise(self, frames: Tensor) -> Tensor:
        """[0, 1] to the network's units."""


class SupervisedTrainable:
    """An upscaler as a trainable.

    Args:
        upscaler: offers `supervised` and `normalise`.
    """

    def __init__(self, upscaler: SupervisedUpscaler) -> None:
        if not isinstance(upscaler, nn.Module):
            raise TypeError(type(upscaler).__name__)
        self._upscaler = upscaler
        self.module: nn.Module = trained_module(upscaler)
        self.scale = upscaler.scale

    def predict(self, lr_clips: Tensor, *, rate: int) -> Prediction:
        """See `Trainable`."""
        seen = self._upscaler.supervised(lr_clips, rate=rate)
        return Prediction(seen.frames, dict(seen.phase_1))

    def normalise(self, frames: Tensor) -> Tensor:
        """See `Trainable`."""
        return self._upscaler.normalise(frames)


def trainable_of(upscaler: nn.Module, options: TrainingOptions, *, method: str) -> SupervisedTrainable:
    """An upscaler made ready for training: what the options freeze is frozen. Raises UsageError where it cannot."""
    if not isinstance(upscaler, SupervisedUpscaler):
        raise UsageError(
            f"'{method}' cannot be trained.",
            found=f"{type(upscaler).__name__} offers no `supervised` and `normalise`",
            todo="`harness list methods` names the methods with a recipe; docs/training.md says what a network of "
            "your own needs.",
        )
    for module in upscaler.modules():
        if isinstance(module, STINet):
            _prepare_stinet(module, options)
    if not any(parameter.requires_grad for parameter in upscaler.parameters()):
        raise UsageError(f"'{method}' has nothing to train.", found="no parameters")
    return SupervisedTrainable(upscaler)


def check_recipe(network: nn.Module, options: TrainingOptions, recipe: Recipe, *, method: str) -> None:
    """Raise UsageError where a recipe's frames are not what a network, or a loss, can work with."""
    rates = ", ".join(map(str, recipe.each_rate))
    if isinstance(network, SuperResolver) and set(recipe.each_rate) != {1}:
        raise UsageError(
            f"'{method}' makes frames larger, and none between them: it is trained at rate 1.",
            found=f"recipe.rate {rates}",
            todo="use the recipe of its card, or --set recipe.rate=1",
        )
    if isinstance(network, Upscaler):
        for rate in recipe.each_rate:
            network.check_rate(rate)
    if isinstance(network, Upscaler) and recipe.input_frames < 2:
        raise UsageError(f"'{method}' takes two frames or more.", found="recipe.input_frames 1")
    if options.lambda_mcl > 0 and min(map(recipe.frames_at, recipe.each_rate)) < 3:
        raise UsageError(
            "The motion loss compares clips of three frames or more.",
            found=f"{recipe.frames} frames at rate {rates}",
            todo="raise recipe.input_frames, or --set training.lambda_mcl=0",
        )


def _prepare_stinet(network: STINet, options: TrainingOptions) -> None:
    network.initialisation.super_resolution.requires_grad_(options.ssr == "finetune")
    if options.offset_init == "kaiming":
        for module in network.modules():
            offsets = getattr(module, "offsets_and_mask", None)
            if isinstance(offsets, nn.Conv2d):
                nn.init.kaiming_normal_(offsets.weight)
