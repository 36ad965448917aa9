"""Interpolation without learned parts: shapes, moments, given frames, and what flow must improve."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.upscalers.interpolation import Blend, FlowInterpolation, Nearest, interleave, moments
from harness.upscalers.options import FlowInterpolationOptions


def texture(height: int = 64, width: int = 96, *, seed: int = 0) -> Tensor:
    """A smooth random picture (3, height, width) in [0, 1]."""
    noise = torch.rand(1, 3, height // 4, width // 4, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(noise, size=(height, width), mode="bicubic", align_corners=False)[0].clamp(0, 1)


def moving(frames: int, *, step: int) -> Tensor:
    """A texture that moves by `step` pixels a frame to the left: (frames, 3, 48, 64)."""
    wide = texture(48, 128)
    return torch.stack([wide[:, :, k * step : k * step + 64] for k in range(frames)])


@pytest.mark.parametrize("rate", [1, 2, 4, 6])
@pytest.mark.parametrize("interpolator", [Nearest(), Blend(), FlowInterpolation()], ids=lambda i: type(i).__name__)
def test_given_frames_pass_unchanged(interpolator: Nearest | Blend | FlowInterpolation, rate: int) -> None:
    clip = moving(3, step=1)
    out = interpolator.interpolate(clip, rate, flows=interpolator.flows(clip))
    assert out.shape == (2 * rate + 1, 3, 48, 64)
    assert torch.equal(out[::rate], clip)


def test_interleave_puts_every_moment_in_its_place() -> None:
    clip = torch.tensor([0.0, 4.0, 8.0]).view(3, 1, 1, 1).expand(3, 3, 1, 1)
    between = [(1 - t) * clip[:-1] + t * clip[1:] for t in moments(4)]
    assert interleave(clip, between)[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8]


def test_nearest_takes_the_earlier_frame_at_equal_distance() -> None:
    clip = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    assert Nearest().interpolate(clip, 2, flows=None)[1, 0, 0, 0] == 0
    assert Nearest().interpolate(clip, 4, flows=None)[:, 0, 0, 0].tolist() == [0, 0, 0, 1, 1]


def test_flow_beats_blending_on_motion() -> None:
    clip = moving(3, step=2)
    given, middle = clip[::2], clip[1]
    inner = (..., slice(8, -8), slice(8, -8))
    errors = {
        type(i).__name__: (i.interpolate(given, 2, flows=i.flows(given))[1] - middle)[inner].square().mean()
        for i in (Blend(), FlowInterpolation())
    }
    assert errors["FlowInterpolation"] < errors["Blend"] / 10


def test_a_frame_that_flow_leaves_does_not_count() -> None:
    """Where one neighbour lies outside the picture, the new frame is the other neighbour's."""
    clip = moving(3, step=4)
    given, middle = clip[::2], clip[1]
    flow_0_to_1 = torch.zeros(1, 2, 48, 64)
    flow_0_to_1[:, 0] = -8.0
    out = FlowInterpolation().interpolate(given, 2, flows=(flow_0_to_1, -flow_0_to_1))
    assert torch.allclose(out[1], middle, atol=2e-3)


def test_consistency_decides_how_much_a_wrong_flow_is_trusted() -> None:
    clip = moving(2, step=0)
    wrong = torch.full((1, 2, 48, 64), 3.0)
    strict, lenient = (
        FlowInterpolation(FlowInterpolationOptions(consistency_px=c)).interpolate(
            clip, 2, flows=(wrong, torch.zeros_like(wrong))
        )[1]
        for c in (0.5, 50.0)
    )
    # Both flows disagree equally, so strictness cannot choose a side; it must stay a mean of the two warps.
    assert torch.allclose(strict[:, 8:-8, 8:-8], lenient[:, 8:-8, 8:-8], atol=0.02)


def test_moments_are_the_field_s() -> None:
    assert moments(1) == ()
    assert moments(4) == (0.25, 0.5, 0.75)
