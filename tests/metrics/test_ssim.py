"""SSIM against the field's own programs and scikit-image, at its edges, and as a property of batches."""

import math
from statistics import fmean

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity
from torch import Tensor

from harness.errors import DataError
from harness.metrics import ssim as module
from harness.metrics.color import Plane, rgb_to_y
from harness.metrics.psnr import psnr
from harness.metrics.ssim import Ssim, psnr_and_ssim, ssim
from tests.metrics import goldens

PLANES: list[Plane] = ["y", "rgb"]


def outside(x: Tensor, y: Tensor) -> float:
    """scikit-image told to do what the field does; x, y: (H, W) float64."""
    return float(
        structural_similarity(  # type: ignore[no-untyped-call]
            x.numpy(), y.numpy(), gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
        )
    )


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("pair", goldens.PAIRS)
def test_equals_the_programs_of_the_field(pair: str, plane: Plane) -> None:
    got = float(ssim(*goldens.frames(pair), plane=plane))
    assert got == pytest.approx(goldens.score(pair, "rstt", f"ssim_{plane}"), abs=1e-10, rel=0)
    # These convert to Y in float32.
    for program in ("zsm_tmnet", "basicsr_crop0"):
        assert got == pytest.approx(goldens.score(pair, program, f"ssim_{plane}"), abs=1e-6, rel=0)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("pair", [pair for pair in goldens.PAIRS if pair != "min_11x11"])
def test_with_a_border(pair: str, plane: Plane) -> None:
    got = float(ssim(*goldens.frames(pair), plane=plane, border=4))
    assert got == pytest.approx(goldens.score(pair, "basicsr_crop4", f"ssim_{plane}"), abs=1e-6, rel=0)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("pair", goldens.FLOAT_PAIRS)
def test_predictions_that_are_not_rounded(pair: str, plane: Plane) -> None:
    pred, gt = goldens.frames(pair)
    expected = {
        "mmagic_unrounded": pred,
        "rounded_then_basicsr": pred.round(),
        "truncated_then_basicsr": pred.floor(),
    }
    for program, quantised in expected.items():
        got = float(ssim(quantised.clamp(0, 255), gt, plane=plane))
        assert got == pytest.approx(goldens.score(pair, program, f"ssim_{plane}"), abs=1e-6, rel=0)


@pytest.mark.parametrize(
    ("program", "metric"),
    [
        ("y_rounded_to_uint8", "ssim_y"),
        ("cv2_full_range_y_uint8", "ssim_y"),
        ("skimage", "ssim_y_default_win7_uniform_dr255"),
    ],
)
def test_other_definitions_are_other_numbers(program: str, metric: str) -> None:
    wrong = goldens.score("astronaut_noise", program, metric)
    assert abs(float(ssim(*goldens.frames("astronaut_noise"), plane="y")) - wrong) > 1e-4


@pytest.mark.parametrize(
    ("pair", "name", "value"),
    [
        ("astronaut_noise", "SIGMA", 1.4),
        ("astronaut_noise", "C2", (0.03 * 219) ** 2),
        ("black_vs_1", "C1", (0.01 * 219) ** 2),
    ],
)
def test_other_constants_fail(pair: str, name: str, value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, name, value)
    module._band.cache_clear()
    got = float(ssim(*goldens.frames(pair), plane="rgb"))
    module._band.cache_clear()
    assert abs(got - goldens.score(pair, "rstt", "ssim_rgb")) > 1e-4


SIDES = st.one_of(st.integers(11, 40), st.sampled_from([58, 59, 74, 75, 120]))


@settings(max_examples=40, deadline=None)
@given(SIDES, SIDES, st.integers(0, 2**31), st.sampled_from([1, 600, 3_000, 46_080]))
def test_equals_scikit_image_at_any_size(height: int, width: int, seed: int, pixels: int) -> None:
    random = torch.Generator().manual_seed(seed)
    gt = torch.randint(0, 256, (2, 3, height, width), generator=random).double()
    pred = (gt + 40 * torch.randn(gt.shape, generator=random, dtype=torch.float64)).clamp(0, 255)
    luma = [outside(x, y) for x, y in zip(rgb_to_y(pred), rgb_to_y(gt), strict=True)]
    channels = [outside(x, y) for x, y in zip(pred.flatten(0, 1), gt.flatten(0, 1), strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CPU_PIXELS", pixels)  # one strip or many, one frame at a time or all
        for plane, expected in zip(PLANES, (luma, [fmean(channels[:3]), fmean(channels[3:])]), strict=True):
            decibels, similarity = psnr_and_ssim(pred, gt, plane=plane)
            torch.testing.assert_close(similarity.tolist(), expected, rtol=0, atol=1e-12)
            torch.testing.assert_close(decibels, psnr(pred, gt, plane=plane), rtol=0, atol=1e-10)


def test_flat_frames() -> None:
    levels = [(0, 0), (255, 255), (0, 255), (100, 103), (254, 255), (0, 1)]
    pred, gt = (
        torch.tensor([pair[i] for pair in levels], dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 16, 40)
        for i in (0, 1)
    )
    got = ssim(pred, gt, plane="y")
    x, y = (rgb_to_y(frames)[:, 0, 0] for frames in (pred, gt))
    torch.testing.assert_close(got, (2 * x * y + module.C1) / (x**2 + y**2 + module.C1), rtol=0, atol=1e-10)
    assert got[:2].tolist() == [1.0, 1.0]


def test_identical_frames_give_exactly_one() -> None:
    gt = torch.randint(0, 256, (2, 3, 45, 33), dtype=torch.uint8)
    for plane in PLANES:
        decibels, similarity = psnr_and_ssim(gt, gt.clone(), plane=plane)
        assert decibels.tolist() == [math.inf, math.inf]
        assert similarity.tolist() == [1.0, 1.0]


def test_a_batch_is_its_frames_and_a_broken_frame_harms_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    gt = torch.randint(0, 256, (4, 3, 30, 41)).float()
    pred = (gt + 20 * torch.randn_like(gt)).clamp(0, 255)
    for plane in PLANES:
        alone = torch.cat([ssim(pred[i : i + 1], gt[i : i + 1], plane=plane) for i in range(4)])
        torch.testing.assert_close(ssim(pred, gt, plane=plane), alone, rtol=0, atol=1e-14)
        torch.testing.assert_close(ssim(gt, pred, plane=plane), alone, rtol=0, atol=1e-14)
        torch.testing.assert_close(Ssim(plane=plane).score(pred, gt), alone, rtol=0, atol=1e-14)
    for pixels in (1, 46_080):
        monkeypatch.setattr(module, "_CPU_PIXELS", pixels)
        for place in ((0, 0), (29, 40), (15, 20)):
            broken = pred.clone()
            broken[1, :, *place] = torch.nan
            got = ssim(broken, gt, plane="rgb")
            assert got.isnan().tolist() == [False, True, False, False]
            torch.testing.assert_close(got[[0, 2, 3]], alone[[0, 2, 3]], rtol=0, atol=1e-14)


@pytest.mark.parametrize("pixels", [1, 1_000, 1 << 22])
def test_works_on_the_device_of_the_frames_and_never_looks_at_values(
    pixels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A tensor on "meta" has no values: anything that waits for a value, or mixes devices, fails.
    monkeypatch.setattr(module, "_GPU_PIXELS", pixels)
    frames = torch.zeros(3, 3, 40, 50, dtype=torch.uint8, device="meta")
    for plane in PLANES:
        for scores in psnr_and_ssim(frames, frames, plane=plane):
            assert (scores.device.type, scores.shape, scores.dtype) == ("meta", (3,), torch.float64)


@pytest.mark.parametrize(("height", "width"), [(10, 11), (11, 10), (1, 1), (10, 200)])
def test_refuses_frames_smaller_than_the_window(height: int, width: int) -> None:
    frames = torch.zeros(1, 3, height, width, dtype=torch.uint8)
    with pytest.raises(DataError, match=f"{width}x{height}"):
        ssim(frames, frames, plane="y")
    with pytest.raises(DataError, match="10x10"):
        ssim(torch.zeros(1, 3, 12, 12), torch.zeros(1, 3, 12, 12), plane="y", border=1)


def test_identity() -> None:
    assert Ssim(plane="y").identity == "gauss11,s1.5,valid"
    assert Ssim(plane="rgb", border=2).identity == "gauss11,s1.5,valid,border2"
