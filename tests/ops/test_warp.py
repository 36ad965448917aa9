"""Warping against scalar loops, `grid_sample` and OpenCV; then what must hold exactly."""

import math

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import DataError
from harness.ops.warp import (
    Padding,
    Reading,
    in_bounds,
    inside,
    positions,
    resize_bilinear,
    resize_flow,
    sample,
    stretched_warp,
    visible,
    warp,
    warp_inside,
)

PADDINGS: tuple[Padding, ...] = ("border", "zeros")
READINGS: tuple[Reading, ...] = ("corners", "areas")


def random_case(*, seed: int = 0, reach: float = 6.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    frames = torch.rand(2, 3, 7, 9, generator=generator, dtype=torch.float64)
    flow = (torch.rand(2, 2, 7, 9, generator=generator, dtype=torch.float64) - 0.5) * 2 * reach
    return frames, flow


def by_loops(frames: Tensor, flow: Tensor, *, padding: Padding) -> Tensor:
    batch, channels, height, width = frames.shape
    result = torch.zeros_like(frames)

    def pixel(b: int, c: int, y: int, x: int) -> float:
        if padding == "zeros" and not (0 <= y < height and 0 <= x < width):
            return 0.0
        return float(frames[b, c, min(max(y, 0), height - 1), min(max(x, 0), width - 1)])

    for b, c, y, x in np.ndindex(batch, channels, height, width):
        at_x, at_y = x + float(flow[b, 0, y, x]), y + float(flow[b, 1, y, x])
        left, top = math.floor(at_x), math.floor(at_y)
        u, v = at_x - left, at_y - top
        upper = (1 - u) * pixel(b, c, top, left) + u * pixel(b, c, top, left + 1)
        lower = (1 - u) * pixel(b, c, top + 1, left) + u * pixel(b, c, top + 1, left + 1)
        result[b, c, y, x] = (1 - v) * upper + v * lower
    return result


def by_grid_sample(frames: Tensor, flow: Tensor, *, padding: Padding, align_corners: bool = True) -> Tensor:
    height, width = frames.shape[-2:]
    x = torch.arange(width, dtype=flow.dtype) + flow[:, 0]
    y = torch.arange(height, dtype=flow.dtype).view(-1, 1) + flow[:, 1]
    grid = torch.stack((2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1), dim=-1)
    return F.grid_sample(frames, grid, padding_mode=padding, align_corners=align_corners)


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("size", [(7, 9), (1, 5), (2, 1)], ids=str)
def test_the_stretched_warp_is_grid_sample_as_it_is_called_unasked(padding: Padding, size: tuple[int, int]) -> None:
    frames, flow = (maps[..., : size[0], : size[1]] for maps in random_case())
    wanted = by_grid_sample(frames, flow, padding=padding, align_corners=False)
    torch.testing.assert_close(stretched_warp(frames, flow, padding=padding), wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("padding", PADDINGS)
def test_equals_scalar_loops(padding: Padding) -> None:
    frames, flow = random_case()
    torch.testing.assert_close(
        warp(frames, flow, padding=padding), by_loops(frames, flow, padding=padding), rtol=0, atol=1e-14
    )


@pytest.mark.parametrize("padding", PADDINGS)
def test_equals_grid_sample_with_its_gradients(padding: Padding) -> None:
    frames, flow = random_case(seed=1)
    weights = torch.rand(frames.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    results = []
    for function in (warp, by_grid_sample):
        inputs = frames.clone().requires_grad_(), flow.clone().requires_grad_()
        warped = function(*inputs, padding=padding)
        results.append((warped, *torch.autograd.grad((warped * weights).sum(), inputs)))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("padding", PADDINGS)
def test_gradcheck(padding: Padding) -> None:
    frames, flow = random_case(seed=3)
    frames, flow = frames[:1, :1].requires_grad_(), flow[:1].requires_grad_()
    assert torch.autograd.gradcheck(lambda *inputs: warp(*inputs, padding=padding), (frames, flow))


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_zero_flow_gives_back_the_same_numbers(padding: Padding, dtype: torch.dtype) -> None:
    frames = torch.rand(2, 3, 31, 53, generator=torch.Generator().manual_seed(0)).to(dtype)
    warped = warp(frames, torch.zeros(2, 2, 31, 53), padding=padding)
    assert warped.dtype == dtype
    assert torch.equal(warped, frames)


def test_memory_layout_does_not_matter() -> None:
    frames, flow = random_case(seed=4)
    expected = warp(frames, flow)
    channels_last = frames.contiguous(memory_format=torch.channels_last)
    pixelwise = flow.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    turned = flow.transpose(2, 3).contiguous().transpose(2, 3)
    for layout in (pixelwise, turned):
        assert torch.equal(warp(channels_last, layout), expected)
        assert torch.equal(in_bounds(layout), in_bounds(flow))
    assert torch.equal(warp(frames[:1].expand(2, -1, -1, -1), flow)[0], expected[0])


def test_whole_pixels_are_copied() -> None:
    frames = torch.rand(1, 3, 8, 10, generator=torch.Generator().manual_seed(0))
    flow = torch.tensor([3.0, -2.0]).view(1, 2, 1, 1).expand(1, 2, 8, 10)
    zeros, border = warp(frames, flow, padding="zeros"), warp(frames, flow)
    assert torch.equal(zeros[..., 2:, :-3], frames[..., :-2, 3:])
    assert torch.equal(border[..., 2:, :-3], frames[..., :-2, 3:])
    assert torch.equal(zeros[..., :2, :], torch.zeros(1, 3, 2, 10))
    assert torch.equal(border[..., 2:, -3:], frames[..., :-2, -1:].expand(1, 3, 6, 3))


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1e30])
def test_a_flow_that_makes_no_sense_reads_nothing_foreign(padding: Padding, value: float) -> None:
    frames = torch.ones(1, 1, 4, 5)
    warped = warp(frames, torch.full((1, 2, 4, 5), value), padding=padding)
    expected = math.nan if math.isnan(value) else (1.0 if padding == "border" else 0.0)
    torch.testing.assert_close(warped, torch.full_like(frames, expected), equal_nan=True)


@pytest.mark.parametrize("shape", [(2, 2, 7, 8), (1, 2, 7, 9), (2, 3, 7, 9)])
def test_shapes_must_fit(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"\(2, 2, 7, 9\)"):
        warp(torch.zeros(2, 3, 7, 9), torch.zeros(shape))


@pytest.mark.parametrize("padding", PADDINGS)
def test_samples_are_what_warping_gives(padding: Padding) -> None:
    frames, flow = random_case(seed=5)
    sampled = sample(frames, *positions(flow), padding=padding)
    torch.testing.assert_close(sampled, warp(frames, flow, padding=padding), rtol=0, atol=1e-13)
    assert torch.equal(sample(frames, *(p[:, :, :2] for p in positions(flow)), padding=padding), sampled[:, :, :2])


def as_pwc_net_has_it(maps: Tensor, flow: Tensor, *, reading: Reading) -> Tensor:
    """The authors' way: a grid that is divided by size - 1, the same grid for a mask of ones."""
    height, width = maps.shape[-2:]
    x = 2 * (torch.arange(width, dtype=flow.dtype) + flow[:, 0]) / max(width - 1, 1) - 1
    y = 2 * (torch.arange(height, dtype=flow.dtype).view(-1, 1) + flow[:, 1]) / max(height - 1, 1) - 1
    grid = torch.stack((x, y), dim=-1)
    sampled = F.grid_sample(maps, grid, align_corners=reading == "corners")
    mask = F.grid_sample(torch.ones_like(maps), grid, align_corners=reading == "corners")
    return sampled * (mask >= 0.999)


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("size", [(7, 9), (1, 9), (7, 1), (1, 1), (2, 2)], ids=str)
def test_warping_inside_is_that_of_pwc_net(reading: Reading, size: tuple[int, int]) -> None:
    frames, flow = random_case(seed=6, reach=3.0)
    frames, flow = frames[..., : size[0], : size[1]], flow[..., : size[0], : size[1]].contiguous()
    flow[:, :, 0] = 0.0005  # a little outside, and still inside where corners are aligned
    ours = warp_inside(frames, flow, reading=reading)
    torch.testing.assert_close(ours, as_pwc_net_has_it(frames, flow, reading=reading), rtol=0, atol=1e-12)


def test_warping_inside_has_gradients() -> None:
    frames, flow = random_case(seed=7, reach=2.0)
    inputs = frames[:1, :1].requires_grad_(), flow[:1].requires_grad_()
    for reading in READINGS:
        assert torch.autograd.gradcheck(lambda *given, reading=reading: warp_inside(*given, reading=reading), inputs)


def test_no_flow_is_no_identity_where_areas_are_read() -> None:
    """What PyTorch 1.3.1 makes of a grid for aligned corners: the outermost pixels are gone."""
    ones, still = torch.ones(1, 1, 6, 8), torch.zeros(1, 2, 6, 8)
    expected = F.pad(torch.ones(1, 1, 4, 6), (1, 1, 1, 1))
    torch.testing.assert_close(warp_inside(ones, still, reading="areas"), expected)
    torch.testing.assert_close(warp_inside(ones, still, reading="corners"), ones)


def test_inside_forgives_a_thousandth() -> None:
    x = torch.tensor([-0.0009, -0.0011, 7.0009, 7.0011, 3.5]).view(1, 1, 1, 5)
    assert inside(x, torch.ones_like(x), (6, 8)).flatten().tolist() == [True, False, True, False, True]
    assert not inside(torch.full_like(x, -0.0007), torch.full_like(x, -0.0007), (6, 8)).any()  # the product counts


def test_in_bounds_includes_the_edge_itself() -> None:
    flow = torch.zeros(1, 2, 4, 5)
    flow[0, 0, 0, 4] = 0.001  # leaves to the right
    flow[0, 0, 1, 0] = 4.0  # lands on the last column
    flow[0, 1, 0, 1] = -0.5  # leaves upwards
    flow[0, 1, 3, 2] = -3.0  # lands on the first row
    expected = torch.ones(1, 1, 4, 5, dtype=torch.bool)
    expected[0, 0, 0, 4] = expected[0, 0, 0, 1] = False
    assert torch.equal(in_bounds(flow), expected)


def test_visible_finds_what_a_moving_square_covers() -> None:
    """A square moves 4 pixels to the right over a still ground: what lies ahead of it is covered."""
    flow_0_to_1, flow_1_to_0 = torch.zeros(1, 2, 12, 24), torch.zeros(1, 2, 12, 24)
    flow_0_to_1[:, 0, 3:9, 6:12] = 4.0
    flow_1_to_0[:, 0, 3:9, 10:16] = -4.0
    expected = torch.ones(1, 1, 12, 24, dtype=torch.bool)
    expected[..., 3:9, 12:16] = False
    assert torch.equal(visible(flow_0_to_1, flow_1_to_0), expected)


def test_visible_forgives_a_little_and_more_for_long_ways() -> None:
    flow = torch.tensor([0.0, 6.0]).view(1, 2, 1, 1).expand(1, 2, 40, 4)
    inner = (..., slice(0, 30), slice(None))
    assert visible(flow, -flow + 0.73)[inner].all()  # 2 (0.73^2) > 0.5, but 0.01 of 64 more is forgiven
    assert not visible(flow, -flow + 0.73, relative=0.0)[inner].any()
    assert not visible(flow, -flow)[..., 34:, :].any()  # out of the frame


@pytest.mark.parametrize("size", [(15, 22), (16, 23), (60, 90), (31, 45)])
def test_resize_bilinear_equals_opencv(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).random((31, 45), dtype=np.float32)
    ours = resize_bilinear(torch.from_numpy(image)[None, None], size)[0, 0].numpy()
    theirs = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=5e-6)


def test_a_flow_of_another_size_points_to_the_same_places() -> None:
    """A motion by an affine map is one in frames of any size, away from the borders."""
    generator = torch.Generator().manual_seed(0)
    matrix, shift = torch.randn(2, 2, generator=generator), torch.randn(2, 1, 1, generator=generator)

    def flow(height: int, width: int) -> Tensor:
        y = (torch.arange(height) + 0.5) / height
        x = (torch.arange(width) + 0.5) / width
        place = torch.stack((x.expand(height, -1), y.view(-1, 1).expand(-1, width)))
        moved = torch.einsum("ij,jhw->ihw", matrix, place) + shift
        return (moved * torch.tensor([width, height]).view(2, 1, 1)).unsqueeze(0)

    resized = resize_flow(flow(20, 30), (50, 45))
    torch.testing.assert_close(resized[..., 3:-3, 3:-3], flow(50, 45)[..., 3:-3, 3:-3], rtol=1e-4, atol=1e-4)
    same = flow(20, 30)
    assert resize_flow(same, (20, 30)) is same
