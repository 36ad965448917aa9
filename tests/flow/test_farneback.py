"""Farneback's flow against the release's examples and OpenCV; wrong variants; gradients; properties.

OpenCV computes in float32, so a few 1e-6 px are its own. Where a pixel's flow ends within rounding of the frame's
edge it may fall on the other side there; then a window around it differs, and nobody can say which is right.
"""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F
from skimage import data
from torch import Tensor

from harness.errors import DataError, UsageError
from harness.flow import expansion, refinement
from harness.flow.farneback import Farneback, FarnebackSettings, farneback
from harness.ops import warp

GOLDEN = Path(__file__).parent.parent / "references" / "farneback.npz"
TOLERANCE_PX = {"a": 1e-5, "b": 1e-5, "c": 1e-5, "d": 3e-5, "e": 2e-5}  # float64; float32 keeps 1e-4 on all

Image = npt.NDArray[np.uint8]
Flow = npt.NDArray[np.float64]


def golden_image(name: str) -> Image:
    with np.load(GOLDEN) as archive:
        image: Image = archive[name]
    return image


def golden_flow(name: str) -> Flow:
    with np.load(GOLDEN) as archive:
        flow: Flow = archive[name].astype(np.float64)
    return flow


def ours(
    previous: Image,
    following: Image,
    *,
    settings: FarnebackSettings | None = None,
    dtype: torch.dtype = torch.float64,
) -> Flow:
    estimator = Farneback(settings or FarnebackSettings())
    images = torch.from_numpy(np.stack((previous, following)))[:, None].to(dtype)
    levels = estimator.expand_grey(images)
    flow = estimator.between([level[:1] for level in levels], [level[1:] for level in levels])
    result: Flow = flow[0].permute(1, 2, 0).double().numpy()
    return result


def opencv(previous: Image, following: Image, *, settings: FarnebackSettings | None = None) -> Flow:
    s = settings or FarnebackSettings()
    unused = np.zeros((*previous.shape, 2), np.float32)
    result: Flow = cv2.calcOpticalFlowFarneback(
        previous, following, unused, s.pyr_scale, s.levels, s.winsize, s.iterations, s.poly_n, s.poly_sigma, 0
    ).astype(np.float64)
    return result


def photo() -> Image:
    rgb = data.astronaut()  # type: ignore[no-untyped-call]
    grey: Image = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.uint8)
    return grey


def photo_pair(height: int, width: int) -> tuple[Image, Image]:
    """A photograph and the same one turned, zoomed and moved by a few pixels."""
    first = cv2.resize(photo(), (width, height), interpolation=cv2.INTER_AREA)
    motion = np.array([[1.01, 0.02, 1.7], [-0.015, 0.99, -1.2]])
    second = cv2.warpAffine(first, motion, (width, height), borderMode=cv2.BORDER_REFLECT)
    return first.astype(np.uint8), second.astype(np.uint8)


# --- outsiders


@pytest.mark.parametrize("pair", sorted(TOLERANCE_PX))
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_equals_the_examples_of_the_release(pair: str, dtype: torch.dtype) -> None:
    previous, following = golden_image(f"{pair}_prev"), golden_image(f"{pair}_next")
    tolerance = TOLERANCE_PX[pair] if dtype == torch.float64 else 1e-4
    forward, back = ours(previous, following, dtype=dtype), ours(following, previous, dtype=dtype)
    np.testing.assert_allclose(forward, golden_flow(f"{pair}_flow"), rtol=0, atol=tolerance)
    np.testing.assert_allclose(back, golden_flow(f"{pair}_flow_back"), rtol=0, atol=tolerance)


@pytest.mark.parametrize("pair", ["d", "e"])
def test_equals_the_release_from_rgb_frames(pair: str) -> None:
    frames = [
        torch.from_numpy(golden_image(f"{pair}_{f}_rgb")).permute(2, 0, 1)[None] / 255 for f in ("prev", "next")
    ]
    expected = torch.from_numpy(golden_flow(f"{pair}_flow")).permute(2, 0, 1)[None].float()
    torch.testing.assert_close(Farneback(grey="release")(*frames), expected, rtol=0, atol=1e-4)
    assert float((Farneback(grey="rgb")(*frames) - expected).abs().max()) > 1e-2


@pytest.mark.parametrize(
    "size", [(1, 9), (9, 1), (2, 2), (5, 7), (31, 33), (63, 65), (64, 64), (97, 131), (65, 200), (144, 180)]
)
def test_equals_opencv_at_other_sizes(size: tuple[int, int]) -> None:
    pair = photo_pair(*size)
    expected = opencv(*pair)
    np.testing.assert_allclose(ours(*pair), expected, rtol=0, atol=2e-4)
    np.testing.assert_allclose(ours(*pair, dtype=torch.float32), expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    "settings",
    [
        FarnebackSettings(pyr_scale=0.8),
        FarnebackSettings(pyr_scale=0.6, levels=5),
        FarnebackSettings(levels=0),
        FarnebackSettings(levels=1),
        FarnebackSettings(winsize=9),
        FarnebackSettings(winsize=21, iterations=10),
        FarnebackSettings(iterations=1),
        FarnebackSettings(poly_n=7, poly_sigma=1.5),
        FarnebackSettings(poly_n=1),
    ],
    ids=repr,
)
def test_equals_opencv_with_other_settings(settings: FarnebackSettings) -> None:
    pair = photo_pair(100, 140)
    np.testing.assert_allclose(ours(*pair, settings=settings), opencv(*pair, settings=settings), rtol=0, atol=1e-3)


def hard_pairs() -> dict[str, tuple[Image, Image]]:
    generator = np.random.default_rng(0)
    face = photo()
    square = np.zeros((70, 70), np.uint8)
    square[20:40, 20:40] = 255
    return {
        "black": (np.zeros((70, 70), np.uint8), np.zeros((70, 70), np.uint8)),
        "a change of light": (np.full((70, 70), 200, np.uint8), np.full((70, 70), 201, np.uint8)),
        "noise": (generator.integers(0, 256, (80, 90), np.uint8), generator.integers(0, 256, (80, 90), np.uint8)),
        "a square on black": (square, np.roll(square, 3, axis=1)),
        "a still frame": (face[::4, ::4].copy(), face[::4, ::4].copy()),
        "a cut": (face[::3, ::3].copy(), face[::-3, ::3].copy()),
        "far motion": (face[100:244, 100:280].copy(), face[130:274, 60:240].copy()),
    }


@pytest.mark.parametrize("name", sorted(hard_pairs()))
def test_equals_opencv_on_hard_pairs_but_for_single_windows(name: str) -> None:
    pair = hard_pairs()[name]
    error = np.abs(ours(*pair) - opencv(*pair)).max(axis=-1)
    assert np.median(error) < 1e-5
    assert np.mean(error > 1e-3) < 0.04  # "far motion": one pixel 2e-6 px from the edge, and its window


# --- wrong variants must be seen


class OtherBorders:
    """Stands in for torch.nn.functional and pads with the other kind of border."""

    @staticmethod
    def pad(image: Tensor, sides: tuple[int, ...], *, mode: str) -> Tensor:
        other = {"replicate": "reflect", "reflect": "replicate"}[mode]
        return F.pad(image, sides, mode=other)


def no_blur_at_full_resolution(patch: pytest.MonkeyPatch) -> None:
    blur = expansion._blur
    patch.setattr(expansion, "_blur", lambda images, *, scale: images if scale == 1 else blur(images, scale=scale))


def blur_border_replicated(patch: pytest.MonkeyPatch) -> None:
    blur = expansion._blur

    def wrong(images: Tensor, *, scale: float) -> Tensor:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(expansion, "F", OtherBorders)
            return blur(images, scale=scale)

    patch.setattr(expansion, "_blur", wrong)


def box_border_reflected(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(refinement, "F", OtherBorders)


def expansion_border_reflected(patch: pytest.MonkeyPatch) -> None:
    expand = expansion.polynomial_expansion

    def wrong(images: Tensor, *, settings: FarnebackSettings) -> Tensor:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(expansion, "F", OtherBorders)
            return expand(images, settings=settings)

    patch.setitem(farneback.__globals__, "polynomial_expansion", wrong)


def no_edge_weights(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(refinement, "_EDGE_WEIGHTS", ())


def no_regulariser(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(refinement, "_REGULARISER", 0.0)


def clamped_instead_of_outside(patch: pytest.MonkeyPatch) -> None:
    def wrong(flow: Tensor) -> tuple[Tensor, Tensor]:
        x, y = warp.positions(flow)
        return x.clamp(0, flow.shape[-1] - 1.001), y.clamp(0, flow.shape[-2] - 1.001)

    patch.setattr(refinement, "positions", wrong)


def last_row_and_column_inside(patch: pytest.MonkeyPatch) -> None:
    def wrong(flow: Tensor) -> tuple[Tensor, Tensor]:
        x, y = warp.positions(flow)
        width, height = flow.shape[-1], flow.shape[-2]
        return torch.where(x < width, x * (width - 1) / width, x), torch.where(
            y < height, y * (height - 1) / height, y
        )

    patch.setattr(refinement, "positions", wrong)


def coarse_level_on_small_images(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(expansion, "_MIN_LEVEL_SIZE", 16)


def flow_not_doubled(patch: pytest.MonkeyPatch) -> None:
    resize = farneback.__globals__["resize_bilinear"]
    patch.setitem(farneback.__globals__, "resize_bilinear", lambda planes, size: resize(planes, size) / 2)


VARIANTS = [
    # (what is wrong, pair that shows it, px of error that the specification measured for it)
    (no_blur_at_full_resolution, "c", 0.09),
    (blur_border_replicated, "b", 0.03),
    (expansion_border_reflected, "b", 0.16),
    (box_border_reflected, "c", 0.12),
    (no_edge_weights, "c", 3.0),
    (no_regulariser, "a", 0.05),
    (clamped_instead_of_outside, "a", 0.07),
    (last_row_and_column_inside, "a", 0.04),
    (coarse_level_on_small_images, "b", 0.075),
    (flow_not_doubled, "a", 0.005),
]


@pytest.mark.parametrize(("variant", "pair", "error_px"), VARIANTS)
def test_wrong_variants_are_as_wrong_as_specified(
    variant: Callable[[pytest.MonkeyPatch], None], pair: str, error_px: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant(monkeypatch)
    assert worst_error(pair, FarnebackSettings()) == pytest.approx(error_px, rel=0.2)


@pytest.mark.parametrize(
    ("settings", "pair", "error_px"),
    [
        (FarnebackSettings(poly_n=2), "b", 0.08),
        (FarnebackSettings(iterations=2), "b", 0.09),
        (FarnebackSettings(iterations=4), "b", 0.03),
        (FarnebackSettings(levels=0), "a", 0.013),
    ],
    ids=repr,
)
def test_wrong_settings_are_as_wrong_as_specified(settings: FarnebackSettings, pair: str, error_px: float) -> None:
    assert worst_error(pair, settings) == pytest.approx(error_px, rel=0.2)


def worst_error(pair: str, settings: FarnebackSettings) -> float:
    previous, following = golden_image(f"{pair}_prev"), golden_image(f"{pair}_next")
    return float(np.abs(ours(previous, following, settings=settings) - golden_flow(f"{pair}_flow")).max())


# --- gradients


def smooth_pair(height: int, width: int) -> tuple[Tensor, Tensor]:
    """RGB frames in [0, 1], float64: a smooth pattern, and the same moved by about (0.6, -0.4) pixels."""
    y, x = torch.meshgrid(torch.arange(height).double(), torch.arange(width).double(), indexing="ij")

    def frame(dx: float, dy: float) -> Tensor:
        u, v = x - dx, y - dy
        plane = 0.5 + 0.2 * torch.sin(0.55 * u + 0.2 * v) + 0.2 * torch.cos(0.5 * v - 0.15 * u)
        return torch.stack((plane, 0.9 * plane, 0.8 * plane + 0.05)).unsqueeze(0)

    return frame(0.0, 0.0), frame(0.6, -0.4)


@pytest.mark.parametrize("size", [(16, 16), (18, 24), (66, 70)])
def test_gradients_equal_finite_differences(size: tuple[int, int]) -> None:
    """Fast mode: one random direction in, one out; the largest size has a coarse level."""
    frames = [frame.requires_grad_() for frame in smooth_pair(*size)]
    assert torch.autograd.gradcheck(Farneback(quantise=False), frames, fast_mode=True, eps=1e-6, atol=1e-6, rtol=1e-4)


def test_single_derivatives_equal_finite_differences() -> None:
    """Every derivative of one flow value by one row of the second image."""
    frame_0, frame_1 = smooth_pair(16, 16)
    flow = Farneback(quantise=False)
    frame_1.requires_grad_()
    (gradient,) = torch.autograd.grad(flow(frame_0, frame_1)[0, 0, 8, 8], frame_1)
    step = 1e-5
    for column in range(16):
        change = torch.zeros_like(frame_1)
        change[0, 1, 9, column] = step
        with torch.no_grad():
            difference = flow(frame_0, frame_1 + change) - flow(frame_0, frame_1 - change)
        expected = float(difference[0, 0, 8, 8]) / (2 * step)
        assert float(gradient[0, 1, 9, column]) == pytest.approx(expected, rel=1e-4, abs=1e-7)
    assert float(gradient.abs().max()) > 1e-2


def test_both_images_get_a_gradient_in_float32() -> None:
    frames = [frame.float().requires_grad_() for frame in smooth_pair(24, 24)]
    gradients = torch.autograd.grad(Farneback(quantise=False)(*frames).mean(), frames)
    for gradient in gradients:
        assert gradient.isfinite().all()
        assert float(gradient.abs().max()) > 1e-4


# --- properties


def test_finds_a_known_shift() -> None:
    frame_0, frame_1 = smooth_pair(96, 128)
    flow = Farneback(quantise=False)(frame_0, frame_1)[0, :, 20:-20, 20:-20]
    assert float(flow[0].median()) == pytest.approx(0.6, abs=0.02)
    assert float(flow[1].median()) == pytest.approx(-0.4, abs=0.02)


def test_a_batch_is_its_pairs_one_by_one() -> None:
    frames = torch.rand(4, 3, 70, 66, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    flow = Farneback()
    together = flow(frames[:3], frames[1:])
    single = torch.cat([flow(frames[i : i + 1], frames[i + 1 : i + 2]) for i in range(3)])
    torch.testing.assert_close(together, single, rtol=0, atol=1e-9)
    assert flow(frames[:0], frames[:0]).shape == (0, 2, 70, 66)


def test_expanding_each_frame_once_serves_every_pair() -> None:
    frames = torch.rand(3, 3, 66, 70, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    flow = Farneback()
    levels = flow.expand(frames)
    first, second = torch.tensor([0, 1, 2, 0]), torch.tensor([1, 2, 0, 2])
    found = flow.between([level[first] for level in levels], [level[second] for level in levels])
    torch.testing.assert_close(found, flow(frames[first], frames[second]), rtol=0, atol=1e-9)


def test_rows_and_columns_are_treated_alike() -> None:
    previous, following = photo_pair(70, 90)
    turned = ours(previous.T.copy(), following.T.copy())
    np.testing.assert_allclose(turned.transpose(1, 0, 2)[..., ::-1], ours(previous, following), rtol=0, atol=1e-9)


def test_eight_bits_are_all_that_counts_when_quantised() -> None:
    frames = torch.randint(0, 256, (2, 3, 40, 40), generator=torch.Generator().manual_seed(0)) / 255
    nudged = frames + 0.3 / 255
    flow, exact = Farneback(), Farneback(quantise=False)
    assert torch.equal(flow(frames[:1], frames[1:]), flow(nudged[:1], nudged[1:]))
    assert not torch.equal(exact(frames[:1], frames[1:]), exact(nudged[:1], frames[1:]))


def test_half_precision_frames_are_computed_in_float32() -> None:
    frames = torch.rand(2, 3, 20, 20).to(torch.float16)
    assert Farneback()(frames[:1], frames[1:]).dtype == torch.float32


# --- bad input


def test_shapes_and_precisions_are_checked() -> None:
    with pytest.raises(DataError, match="one shape"):
        Farneback()(torch.zeros(2, 3, 8, 8), torch.zeros(1, 3, 8, 8))
    with pytest.raises(DataError, match=r"torch\.uint8"):
        Farneback()(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), torch.zeros(1, 3, 8, 8, dtype=torch.uint8))


@pytest.mark.parametrize(
    "options", [{"winsize": 14}, {"winsize": 1}, {"pyr_scale": 1.0}, {"levels": -1}, {"iterations": 0}, {"poly_n": 0}]
)
def test_settings_are_checked(options: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        FarnebackSettings(**options)  # type: ignore[arg-type]
