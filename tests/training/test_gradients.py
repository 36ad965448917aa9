"""Every loss, their sum, and a network below it: slopes against central differences, in float64.

A slope along a random direction sees every derivative at once: one that is wrong or missing moves it by percents,
where differences agree with it to a few parts in a million.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from harness.training.losses import vgg as vgg_module
from harness.training.losses.motion import Absolute, MotionConsistency, Relative
from harness.training.losses.objective import Losses, Objective, Truth
from harness.training.losses.perceptual import Perceptual
from harness.training.losses.vgg import VGG19
from harness.training.options import TrainingOptions
from harness.training.trainable import Prediction, Units, trainable_of
from harness.upscalers.options import STINetMethodOptions
from harness.upscalers.stinet import STINetUpscaler
from tests.training.test_losses import moving

CPU = torch.device("cpu")
TINY = STINetMethodOptions(channels=8, super_resolution_stages=1, interpolation_blocks=1)


def check_slopes(
    loss: Callable[[], Tensor], leaves: Sequence[Tensor], *, directions: int = 3, step: float = 1e-7
) -> None:
    """The gradient of a loss by its leaves agrees with central differences along some random directions."""
    gradients = torch.autograd.grad(loss(), leaves)
    generator = torch.Generator().manual_seed(0)
    for _ in range(directions):
        ways = [torch.randn(leaf.shape, dtype=leaf.dtype, generator=generator) for leaf in leaves]
        slope = sum(float((gradient * way).sum()) for gradient, way in zip(gradients, ways, strict=True))

        def at(position: float, ways: Sequence[Tensor] = ways) -> float:
            with torch.no_grad():
                torch._foreach_add_(list(leaves), list(ways), alpha=position)
                value = loss().item()
                torch._foreach_add_(list(leaves), list(ways), alpha=-position)
            return value

        assert slope == pytest.approx((at(step) - at(-step)) / (2 * step), rel=1e-5)
        assert slope != 0


def unlike(frames: Tensor) -> Tensor:
    """With a little noise: where two flows are equal, the absolute value of their difference has no slope."""
    return frames + 0.01 * torch.randn(frames.shape, dtype=frames.dtype, generator=torch.Generator().manual_seed(1))


def random_vgg() -> nn.Module:
    """A frozen VGG-19 of random weights that keep the size of small frames, half of whose deep layers see padding."""
    torch.manual_seed(0)
    network = VGG19().double().requires_grad_(False)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight).mul_(1.5)
    return network


@pytest.fixture
def vgg_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights of a VGG-19 of few channels, which is the one that is built while the test runs."""
    monkeypatch.setattr(vgg_module, "_WIDTHS", tuple((16, count) for _, count in vgg_module._WIDTHS))
    torch.save(random_vgg().state_dict(), tmp_path / "vgg.pth")
    return tmp_path / "vgg.pth"


@pytest.mark.parametrize(
    ("absolute", "relative"),
    [
        *(("all-l2", "none"), ("adjacent-l2", "none"), ("all-l1", "none")),
        *(("none", "hinge"), ("none", "exact"), ("all-l2", "hinge")),
    ],
)
def test_motion_through_two_levels_of_the_pyramid(absolute: Absolute, relative: Relative) -> None:
    loss = MotionConsistency(absolute=absolute, relative=relative)
    frames, truth = unlike(moving(size=66, jitter=1.2)).requires_grad_(), moving(size=66)
    check_slopes(lambda: loss(frames, truth).total, [frames])


def test_perceptual_through_the_layers_of_vgg() -> None:
    loss = Perceptual(random_vgg())
    frames, truth = moving(size=16, jitter=0.5).requires_grad_(), moving(size=16)
    check_slopes(lambda: loss(frames, truth), [frames], step=1e-8)


def eq_4(options: TrainingOptions, vgg: Path) -> Objective:
    """All losses of Eq. 4, in float64."""
    objective = Objective(options, device=CPU, vgg=vgg)
    assert objective.perceptual is not None
    objective.perceptual.eye.double()
    return objective


def options(reconstruction: str, absolute: str, relative: str) -> TrainingOptions:
    """Weights of a size that lets every loss count in the sum."""
    forms = {"reconstruction": reconstruction, "mcl_absolute": absolute, "mcl_relative": relative}
    rest = {"lambda_per": 0.3, "lambda_mcl": 0.02, "ssr": "finetune", "offset_init": "kaiming"}
    return TrainingOptions.model_validate(forms | rest)


def small(frames: Tensor) -> Tensor:
    """(B, T, 3, H, W) to a quarter of the size."""
    shrunk: Tensor = nn.functional.avg_pool2d(frames.flatten(0, 1), 4).unflatten(0, frames.shape[:2])
    return shrunk


FORMS = [("l2", "all-l2", "hinge"), ("charbonnier", "all-l1", "exact"), ("l2", "adjacent-l2", "none")]


@pytest.mark.parametrize("forms", FORMS)
def test_the_sum_of_eq_4(forms: tuple[str, str, str], vgg_file: Path) -> None:
    upscaler = STINetUpscaler(TINY).double()
    chosen = options(*forms)
    objective, units = eq_4(chosen, vgg_file), Units(trainable_of(upscaler, chosen, method="stinet"), CPU)
    hr = moving(clips=2, size=16)
    truth = Truth(hr=hr, lr=small(hr))
    frames = upscaler.normalise(unlike(moving(clips=2, size=16, jitter=1.2))).requires_grad_()
    pictures = {"hr": (0.9 * frames.detach()).requires_grad_(), "lr": (1.1 * small(frames.detach())).requires_grad_()}

    def losses() -> Losses:
        return objective(Prediction(frames, pictures), truth, units)

    check_slopes(lambda: losses().total, [frames, *pictures.values()])
    terms = losses().terms
    assert terms.keys() == {"rec", "rec_lr", "rec_hr", "per", "mcl_abs", "mcl_rel"}
    motion = terms["mcl_abs"] + terms["mcl_rel"]
    by_hand = terms["rec"] + terms["rec_lr"] + terms["rec_hr"] + 0.3 * terms["per"] + 0.02 * motion
    torch.testing.assert_close(losses().total, by_hand)


def test_eq_4_through_a_network(vgg_file: Path) -> None:
    torch.manual_seed(0)
    upscaler = STINetUpscaler(TINY).double()
    chosen = options("l2", "all-l2", "hinge")
    trainable = trainable_of(upscaler, chosen, method="stinet")
    parameters: list[Tensor] = [*trainable.module.parameters()]
    for parameter in parameters:  # no bias is zero: nothing lies on the bend of a rectifier
        parameter.data += 0.1 * torch.randn_like(parameter)
    objective, units = eq_4(chosen, vgg_file), Units(trainable, CPU)
    hr = moving(clips=1, size=16)
    truth = Truth(hr=hr, lr=small(hr))
    check_slopes(
        lambda: objective(trainable.predict(truth.lr[:, ::2], rate=2), truth, units).total,
        parameters,
        step=1e-8,  # of the many bends, none is met
    )
