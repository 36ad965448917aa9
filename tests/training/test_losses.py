"""The losses: gradients by finite differences, values by scalar loops, refusals."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from harness.errors import DataError
from harness.flow.farneback import Farneback
from harness.training.losses import motion as motion_module
from harness.training.losses import vgg as vgg_module
from harness.training.losses.motion import (
    Absolute,
    MotionConsistency,
    Relative,
    absolute_loss,
    absolute_pairs,
    exact_loss,
    hinge_loss,
)
from harness.training.losses.perceptual import Perceptual
from harness.training.losses.reconstruction import Reconstruction
from harness.training.losses.vgg import VGG19, find_vgg, load_vgg


def moving(
    count: int = 3, *, clips: int = 1, size: int = 12, dtype: torch.dtype = torch.float64, jitter: float = 0.0
) -> Tensor:
    """Clips (B, T, 3, H, W) of a smooth picture that moves; `jitter` shakes its odd frames to the side."""
    y, x = torch.meshgrid(*(torch.arange(size, dtype=dtype),) * 2, indexing="ij")
    frames = []
    for b in range(clips):
        for t in range(count):
            shift = 0.8 * t + jitter * (t % 2)
            plane = 0.5 + 0.2 * torch.sin((x - shift) / (1.7 + b)) + 0.2 * torch.cos((y + 0.5 * t) / 2.3)
            frames.append(torch.stack((plane, 0.9 * plane, 0.5 + 0.3 * torch.sin(x / 3 + y / 2 - shift))))
    return torch.stack(frames).view(clips, count, 3, size, size)


@pytest.mark.parametrize("penalty", ["l2", "charbonnier"])
def test_reconstruction_by_finite_differences(penalty: str) -> None:
    pair = [moving(size=4).requires_grad_(), moving(size=4, jitter=0.3)]
    assert torch.autograd.gradcheck(Reconstruction(penalty), pair)


def test_reconstruction_by_hand() -> None:
    a, b = torch.tensor([1.0, 3.0]), torch.tensor([1.0, 1.0])
    assert Reconstruction("l2")(a, b).item() == 2
    assert Reconstruction("charbonnier")(a, b).item() == pytest.approx((0.001 + (4 + 1e-6) ** 0.5) / 2)
    with pytest.raises(DataError, match="one shape"):
        Reconstruction()(a, b[:1])


def test_reconstruction_is_not_rounded_by_autocast() -> None:
    a, b = torch.tensor([1.0]), torch.tensor([1.0 + 2**-12])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = Reconstruction()(a, b)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(2**-24)


@pytest.mark.parametrize(
    ("absolute", "relative"),
    [("all-l2", "none"), ("adjacent-l2", "none"), ("all-l1", "none"), ("none", "hinge"), ("none", "exact")],
)
def test_motion_by_finite_differences(absolute: Absolute, relative: Relative) -> None:
    loss = MotionConsistency(absolute=absolute, relative=relative)
    truth = moving(clips=2, size=10)
    frames = moving(clips=2, size=10, jitter=1.2)  # so that motion turns back, and Eq. 3 has something to say
    direction = torch.randn(frames.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    leaf = frames.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(leaf, truth).total, leaf)
    step = 1e-6
    higher, lower = (loss(frames + sign * step * direction, truth).total for sign in (1, -1))
    slope = (gradient * direction).sum().item()
    assert slope == pytest.approx(((higher - lower) / (2 * step)).item(), rel=1e-4)
    assert slope != 0


def test_the_motion_loss_points_the_right_way() -> None:
    truth, frames = moving(5, size=24), moving(5, size=24, jitter=0.6)
    loss = MotionConsistency()
    leaf = frames.clone().requires_grad_()
    before = loss(leaf, truth)
    (gradient,) = torch.autograd.grad(before.total, leaf)
    after = loss(frames - 0.002 * gradient / gradient.abs().max(), truth)
    assert after.total < before.total
    assert before.total.item() == pytest.approx((before.absolute + before.relative).item())


def test_the_releases_motion_loss_has_no_gradient() -> None:
    frames, truth = moving(5, size=24, jitter=0.6).requires_grad_(), moving(5, size=24)
    detached = MotionConsistency(flow="detached")(frames, truth)
    assert not detached.total.requires_grad
    assert detached.total > 0


def test_parts_make_the_same_gradient_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    frames, truth = moving(4, clips=3, jitter=0.5), moving(4, clips=3)
    loss = MotionConsistency()

    def run() -> tuple[float, Tensor]:
        leaf = frames.clone().requires_grad_()
        total = loss(leaf, truth).total
        return total.item(), torch.autograd.grad(2 * total, leaf)[0]

    one_by_one, gradient = run()
    monkeypatch.setattr(MotionConsistency, "clips_at_once", lambda *_: 2)
    by_twos, other = run()
    leaf = frames.clone().requires_grad_()
    plain = loss.measure(leaf, truth).sum()
    (wanted,) = torch.autograd.grad(2 * plain, leaf)
    assert one_by_one == pytest.approx(plain.item(), rel=1e-12)
    assert by_twos == pytest.approx(plain.item(), rel=1e-12)
    torch.testing.assert_close(gradient, wanted)
    torch.testing.assert_close(other, wanted)


def test_pair_flows_are_the_estimators_own() -> None:
    clips = moving(3, clips=2)
    flows = Farneback(quantise=False).pairs(clips, [(2, 0), (0, 1)])
    assert flows.shape == (2, 2, 2, 12, 12)
    torch.testing.assert_close(flows[1, 0], Farneback(quantise=False)(clips[1:, 2], clips[1:, 0])[0])


def test_pairs() -> None:
    assert len(absolute_pairs(7, "all-l2")) == 42
    assert absolute_pairs(3, "adjacent-l2") == [(0, 1), (1, 0), (1, 2), (2, 1)]
    assert absolute_pairs(3, "none") == []


def test_hinge_by_scalar_loops() -> None:
    generator = torch.Generator().manual_seed(3)
    step, double = (torch.randn(2, 1, 2, 3, 4, generator=generator) for _ in range(2))
    step[0, 0, 0, 0, 0] = 0.0  # sgn(0) = 0: no motion, no penalty
    total = 0.0
    for a, b in zip(step.flatten().tolist(), double.flatten().tolist(), strict=True):
        sign = (a > 0) - (a < 0)
        total += max(sign * (a - b), 0.0)
    assert hinge_loss(step, double).item() == pytest.approx(total / step.numel(), rel=1e-5)


def test_hinge_by_hand() -> None:
    step = torch.tensor([1.0, 1.0, 1.0, -1.0, -1.0])
    double = torch.tensor([2.0, 0.5, -1.0, -2.0, 1.0])
    assert hinge_loss(step, double).item() == pytest.approx((0 + 0.5 + 2 + 0 + 2) / 5)


def test_exact_and_absolute_by_hand() -> None:
    a, b, c, d = (torch.tensor([value]) for value in (1.0, 3.0, 1.0, 2.0))
    assert exact_loss(a, b, c, d).item() == 1
    assert absolute_loss(a, b, form="all-l2").item() == 4
    assert absolute_loss(a, b, form="all-l1").item() == 2


def test_forms_of_the_motion_loss_differ() -> None:
    frames, truth = moving(5, size=24, jitter=0.6), moving(5, size=24)
    forms = [
        MotionConsistency(absolute=absolute, relative=relative)(frames, truth).total.item()
        for absolute in ("all-l2", "adjacent-l2", "all-l1", "none")
        for relative in ("hinge", "exact", "none")
    ]
    assert len(set(forms)) == len(forms)
    assert forms[-1] == 0


def test_the_motion_loss_refuses() -> None:
    with pytest.raises(DataError, match="three frames"):
        MotionConsistency()(moving(2), moving(2))


def test_the_motion_loss_is_float32_under_autocast() -> None:
    frames, truth = moving(jitter=0.5, dtype=torch.float32).bfloat16(), moving(dtype=torch.float32)
    plain = MotionConsistency()(frames, truth).total
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = MotionConsistency()(frames, truth).total
    assert inside.dtype == torch.float32
    assert inside.item() == plain.item()


def test_a_gpu_takes_as_many_clips_as_fit() -> None:
    frames = torch.empty(30, 7, 3, 128, 128, device="meta")
    assert MotionConsistency().clips_at_once(frames) == motion_module._DEVICE_PIXELS // (42 * 128 * 128) > 1


def tiny_eye() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh()).double().requires_grad_(False)


def test_perceptual_by_finite_differences() -> None:
    pair = [moving(size=5).requires_grad_(), moving(size=5, jitter=0.5)]
    assert torch.autograd.gradcheck(Perceptual(tiny_eye()), pair)


def test_perceptual_adds_up_the_frames() -> None:
    loss, frames, truth = Perceptual(tiny_eye()), moving(jitter=0.5), moving()
    one_by_one = sum(loss(frames[:, t : t + 1], truth[:, t : t + 1]) for t in range(3))
    torch.testing.assert_close(loss(frames, truth), one_by_one)


def test_vgg_has_the_layers_of_vgg() -> None:
    network = VGG19()
    assert sum(parameter.numel() for parameter in network.parameters()) == 20_024_384
    names = [name for name in network.state_dict() if name.endswith("weight")]
    assert [int(name.split(".")[1]) for name in names] == [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]
    assert len(network.features) == 36
    assert network(torch.zeros(1, 3, 32, 16)).shape == (1, 512, 2, 1)
    with pytest.raises(DataError, match="lambda_per=0"):
        network(torch.zeros(1, 3, 8, 32))


def test_vgg_is_read_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = VGG19()
    path = tmp_path / "vgg.pth"
    torch.save({**network.state_dict(), "classifier.0.weight": torch.zeros(1)}, path)
    monkeypatch.setenv(vgg_module.ENVIRONMENT, str(path))
    read = load_vgg(find_vgg())
    assert torch.equal(read.state_dict()["features.34.weight"], network.state_dict()["features.34.weight"])
    assert not any(parameter.requires_grad for parameter in read.parameters())
    torch.save({"features.0.weight": torch.zeros(1)}, path)
    with pytest.raises(DataError, match="torchvision's names"):
        load_vgg(path)


def test_a_missing_vgg_is_refused_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(vgg_module.ENVIRONMENT, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(DataError, match=r"training\.lambda_per=0"):
        find_vgg()
    cache = tmp_path / "hub" / "checkpoints" / vgg_module.FILE
    cache.parent.mkdir(parents=True)
    cache.touch()
    assert find_vgg() == cache
