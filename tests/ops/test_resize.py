"""MATLAB's bicubic resize against outside numbers, the definition written out, and properties."""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from harness.errors import DataError
from harness.ops import resize as module
from harness.ops.resize import lr_from_hr, quantise, resize

# Images and what MATLAB-equivalent code (checked against images that MATLAB itself wrote) and the scripts of
# Zooming Slow-Mo make of them; resize_golden.npz: IMAGE/img, IMAGE/FACTOR/{double, double_uint8, zsm_png, ...}.
GOLDEN = Path(__file__).parents[1] / "references" / "resize_golden.npz"
SCALES = {
    "d2": Fraction(1, 2),
    "d3": Fraction(1, 3),
    "d4": Fraction(1, 4),
    "d8": Fraction(1, 8),
    "u2": Fraction(2),
    "u3": Fraction(3),
    "u4": Fraction(4),
}


def load() -> dict[str, Tensor]:
    """All arrays as (3, H, W) or (1, H, W)."""
    with np.load(GOLDEN) as stored:
        arrays = {name: torch.from_numpy(stored[name]) for name in stored.files}
    return {name: array.permute(2, 0, 1) if array.ndim == 3 else array[None] for name, array in arrays.items()}


ARRAYS = load()
CASES = [tuple(name.split("/")[:2]) for name in ARRAYS if name.endswith("/double")]
PNGS = [tuple(name.split("/")[:2]) for name in ARRAYS if name.endswith("/zsm_png")]


def test_there_are_references() -> None:
    assert len(CASES) == 32
    assert len(PNGS) == 16


@pytest.mark.parametrize(("image", "factor"), CASES)
def test_equals_matlab_before_and_after_rounding(image: str, factor: str) -> None:
    frames = ARRAYS[f"{image}/img"]
    got = resize(frames.double(), scale=SCALES[factor])
    expected = ARRAYS[f"{image}/{factor}/double"].double()  # some are stored in float32: 3e-8 of the range
    assert got.shape == expected.shape
    assert (got - expected).abs().max() / 255 < 1e-7
    assert torch.equal(got.round().clamp(0, 255).byte(), ARRAYS[f"{image}/{factor}/double_uint8"])
    single = resize(frames.float() / 255, scale=SCALES[factor])
    assert single.dtype == torch.float32
    assert (single.double() - got / 255).abs().max() < 1e-6


@pytest.mark.parametrize(("image", "factor"), PNGS)
def test_lr_frames_equal_the_pngs_of_the_field(image: str, factor: str) -> None:
    assert torch.equal(lr_from_hr(ARRAYS[f"{image}/img"], scale=int(factor[1:])), ARRAYS[f"{image}/{factor}/zsm_png"])


def no_fold(frames: Tensor, scale: float) -> Tensor:
    return F.interpolate(frames[None], scale_factor=scale, mode="bicubic", antialias=True)[0]


def no_antialias(frames: Tensor, scale: float) -> Tensor:
    return F.interpolate(frames[None], scale_factor=scale, mode="bicubic", antialias=False)[0]


@pytest.mark.parametrize(("variant", "factor"), [(no_fold, "d4"), (no_antialias, "d4"), (no_antialias, "u4")])
def test_wrong_variants_fail(variant: Callable[[Tensor, float], Tensor], factor: str) -> None:
    got = variant(ARRAYS["rand/img"].double(), float(SCALES[factor]))
    expected = ARRAYS[f"rand/{factor}/double"].double()
    assert got.shape == expected.shape
    assert (got - expected).abs().max() / 255 > 1e-3


def test_another_kernel_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def cubic(x: Tensor, a: float = -0.75) -> Tensor:
        x = x.abs()
        near = (a + 2) * x**3 - (a + 3) * x**2 + 1
        far = a * (x**3 - 5 * x**2 + 8 * x - 4)
        return torch.where(x <= 1, near, torch.where(x <= 2, far, torch.zeros_like(x)))

    frames, expected = ARRAYS["photo/img"].double(), ARRAYS["photo/d4/double"].double()
    module._plan.cache_clear()
    monkeypatch.setattr(module, "_cubic", cubic)
    got = resize(frames, scale=Fraction(1, 4))
    module._plan.cache_clear()
    assert (got - expected).abs().max() / 255 > 1e-3


def test_rounding_after_each_pass_is_not_what_the_field_does() -> None:
    differ = lr_from_hr(ARRAYS["photo/img"]) != ARRAYS["photo/d4/matlab_uint8_class"]
    assert 0.05 < differ.float().mean() < 0.2


def written_out(n: int, scale: Fraction) -> Tensor:
    """The definition as a matrix (ceil(n scale), n), 1-based as in MATLAB; slow and exact in its positions."""

    def kernel(x: float) -> float:
        x = abs(x)
        if x <= 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x <= 2 else 0.0

    shrink = min(scale, Fraction(1))
    folded = [*range(1, n + 1), *range(n, 0, -1)]
    matrix = torch.zeros(math.ceil(n * scale), n, dtype=torch.float64)
    for i in range(1, len(matrix) + 1):
        centre = i / scale + (1 - 1 / scale) / 2
        left = math.floor(centre - 2 / shrink)
        taps = range(left, left + math.ceil(4 / shrink) + 2)
        weights = [kernel(float(shrink * (centre - j))) for j in taps]
        for j, weight in zip(taps, weights, strict=True):
            matrix[i - 1, folded[(j - 1) % (2 * n)] - 1] += weight / math.fsum(weights)
    return matrix


SIZES = st.integers(1, 70)
RATIOS = st.one_of(
    st.fractions(Fraction(1, 9), 9, max_denominator=12),
    st.sampled_from([Fraction(123, 512), Fraction(37, 100), Fraction(97, 31), Fraction(1001, 1000)]),
)


@settings(max_examples=40, deadline=None)
@given(SIZES, SIZES, RATIOS, st.integers(0, 2**31))
def test_equals_the_definition_at_any_size_and_ratio(height: int, width: int, scale: Fraction, seed: int) -> None:
    frame = torch.rand(height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    expected = written_out(height, scale) @ frame @ written_out(width, scale).T
    got = resize(frame, scale=scale)
    assert got.shape == (math.ceil(height * scale), math.ceil(width * scale)) == expected.shape
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(SIZES, SIZES, RATIOS, st.integers(0, 2**31))
def test_properties(height: int, width: int, scale: Fraction, seed: int) -> None:
    frames = torch.rand(2, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    small = resize(frames, scale=scale)
    same = partial(torch.testing.assert_close, rtol=0, atol=1e-12)
    same(small[1, 2], resize(frames[1, 2], scale=scale))
    same(small.mT, resize(frames.mT, scale=scale))
    torch.testing.assert_close(resize(torch.ones(height, width).double(), scale=scale), torch.ones_like(small[0, 0]))
    if (height * scale).denominator == 1:
        same(small.flip(-2), resize(frames.flip(-2), scale=scale))


def test_a_scale_of_one_changes_nothing() -> None:
    frames = ARRAYS["odd/img"].double()
    assert torch.equal(resize(frames, scale=1), frames)


@pytest.mark.parametrize(("number", "ratio"), [(0.25, (1, 4)), (1 / 3, (1, 3)), (2.5, (5, 2)), (0.1, (1, 10))])
def test_a_float_means_the_ratio_that_it_stands_for(number: float, ratio: tuple[int, int]) -> None:
    frames = torch.rand(30, 60)
    assert torch.equal(resize(frames, scale=number), resize(frames, scale=Fraction(*ratio)))


def test_a_float_that_stands_for_no_simple_ratio() -> None:
    scale = math.pi / 10
    frame = torch.rand(1, 40, dtype=torch.float64)
    expected = frame @ written_out(40, Fraction(scale)).T
    torch.testing.assert_close(resize(frame, scale=scale)[:1], expected, rtol=0, atol=1e-12)


def test_gradients() -> None:
    frames = torch.rand(2, 7, 9, dtype=torch.float64, requires_grad=True)
    for scale in (Fraction(1, 4), Fraction(3), Fraction(5, 3)):
        assert torch.autograd.gradcheck(lambda x, s=scale: resize(x, scale=s), (frames,))


def test_weights_made_in_inference_mode_serve_training() -> None:
    module._plan.cache_clear()
    with torch.inference_mode():
        resize(torch.rand(8, 8), scale=Fraction(1, 2))
    frames = torch.rand(8, 8, requires_grad=True)
    resize(frames, scale=Fraction(1, 2)).sum().backward()
    assert frames.grad is not None
    torch.testing.assert_close(frames.grad, torch.full((8, 8), 0.25))


def test_half_precision_is_computed_in_single() -> None:
    frames = torch.rand(3, 40, 50).half()
    got = resize(frames, scale=Fraction(1, 4))
    assert got.dtype == torch.float16
    assert torch.equal(got, resize(frames.float(), scale=Fraction(1, 4)).half())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(resize(frames.float(), scale=2), resize(frames.float(), scale=2.0))
        assert (resize(frames.float(), scale=2) - resize(frames.double(), scale=2)).abs().max() < 1e-6


def test_works_on_the_device_of_the_frames_and_never_looks_at_values() -> None:
    # A tensor on "meta" has no values: anything that waits for a value, or mixes devices, fails.
    assert resize(torch.zeros(2, 3, 21, 30, device="meta"), scale=4).shape == (2, 3, 84, 120)
    small = lr_from_hr(torch.zeros(2, 3, 21, 30, device="meta", dtype=torch.uint8))
    assert (small.shape, small.dtype, small.device.type) == ((2, 3, 6, 8), torch.uint8, "meta")


def test_lr_frames_of_a_clip_equal_those_of_its_frames() -> None:
    clip = torch.randint(0, 256, (5, 3, 18, 30), dtype=torch.uint8)
    small = lr_from_hr(clip)
    assert small.shape == (5, 3, 5, 8)
    assert small.dtype == torch.uint8
    assert torch.equal(small, torch.stack([lr_from_hr(frame) for frame in clip]))


def test_rounding_is_half_to_even_after_clamping() -> None:
    halves = torch.arange(-3, 515) / 2
    expected = torch.from_numpy(np.rint(np.clip(halves.double().numpy(), 0, 255))).byte()
    assert torch.equal(quantise(halves.double() / 255), expected)
    assert not torch.equal(expected, (halves.clamp(0, 255) + 0.5).floor().byte())
    frames = torch.rand(3, 4, 5)
    kept = frames.clone()
    assert quantise(frames).dtype == torch.uint8
    assert torch.equal(frames, kept)


@pytest.mark.parametrize("scale", [0, -1, math.nan, math.inf])
def test_refuses_what_is_no_scale(scale: float) -> None:
    with pytest.raises(DataError, match="positive"):
        resize(torch.rand(4, 4), scale=scale)


def test_refuses_other_frames() -> None:
    for frames in (torch.zeros(4, 4, dtype=torch.uint8), torch.zeros(4), torch.zeros(0, 4)):
        with pytest.raises(DataError, match="floating point"):
            resize(frames, scale=2)
    with pytest.raises(DataError, match="8-bit"):
        lr_from_hr(torch.zeros(3, 8, 8))
