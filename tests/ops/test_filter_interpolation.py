"""Filter interpolation against scalar loops; its gradients, and what must hold exactly."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from harness.errors import DataError
from harness.ops.filter_interpolation import filter_interpolation
from harness.ops.warp import warp


def case(
    batch: int = 2, channels: int = 3, height: int = 6, width: int = 9, *, reach: float = 4.0, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    frames = torch.rand(batch, channels, height, width, generator=generator, dtype=torch.float64)
    flow = (torch.rand(batch, 2, height, width, generator=generator, dtype=torch.float64) - 0.5) * 2 * reach
    return frames, flow, torch.randn(batch, 16, height, width, generator=generator, dtype=torch.float64)


def by_loops(frames: Tensor, flow: Tensor, filters: Tensor) -> Tensor:
    """The sheet's words, pixel by pixel and tap by tap."""
    batch, _, height, width = frames.shape
    out = frames.clone()
    for b, y, x in np.ndindex(batch, height, width):
        dx, dy = float(flow[b, 0, y, x]), float(flow[b, 1, y, x])
        at_x, at_y = x + dx, y + dy
        if not (0 <= at_x <= width - 1 and 0 <= at_y <= height - 1):
            continue
        if abs(dx) >= width / 2 or abs(dy) >= height / 2:
            continue
        left, top = int(at_x), int(at_y)
        u_x, u_y = at_x - left, at_y - top
        total = torch.zeros(frames.shape[1], dtype=frames.dtype)
        for j in range(4):
            for i in range(4):
                column, row = min(max(left - 1 + i, 0), width - 1), min(max(top - 1 + j, 0), height - 1)
                weight = (1 - u_x if i < 2 else u_x) * (1 - u_y if j < 2 else u_y)
                total += frames[b, :, row, column] * float(filters[b, 4 * j + i, y, x]) * weight
        out[b, :, y, x] = total
    return out


@pytest.mark.parametrize("size", [(6, 9), (1, 5), (7, 1), (1, 1), (2, 3)], ids=str)
@pytest.mark.parametrize("reach", [1.0, 4.0, 12.0])
def test_equals_scalar_loops(size: tuple[int, int], reach: float) -> None:
    given = case(2, 3, *size, reach=reach)
    torch.testing.assert_close(filter_interpolation(*given), by_loops(*given), rtol=0, atol=1e-12)


def test_whole_pixels_and_edges_equal_scalar_loops() -> None:
    frames, flow, filters = case(reach=5.0, seed=1)
    given = frames, flow.round(), filters
    torch.testing.assert_close(filter_interpolation(*given), by_loops(*given), rtol=0, atol=1e-12)


def test_a_flow_of_half_a_side_is_too_long() -> None:
    frames, flow, filters = case(1, 2, 4, 10)
    flow.zero_()[:, 0] = 5.0
    made = filter_interpolation(frames, flow, filters)
    assert torch.equal(made, frames)  # the left half lands inside, and yet
    flow[:, 0] = 4.999
    made = filter_interpolation(frames, flow, filters)
    assert not made[..., :5].eq(frames[..., :5]).any()
    assert torch.equal(made[..., 6:], frames[..., 6:])
    flow[:, 0], flow[:, 1] = 0.0, -2.0
    assert torch.equal(filter_interpolation(frames, flow, filters), frames)


def test_the_middle_taps_alone_are_bilinear() -> None:
    """u is 1 - a at taps 0 and 1, a at 2 and 3: taps 1 and 2 are the bilinear ones."""
    frames, flow, filters = case(reach=2.0, seed=2)
    filters.zero_()[:, [5, 6, 9, 10]] = 1
    x, y = flow[:, :1] + torch.arange(9), flow[:, 1:] + torch.arange(6).view(-1, 1)
    inside = (x >= 0) & (x <= 8) & (y >= 0) & (y <= 5)
    wanted = torch.where(inside, warp(frames, flow), frames)
    torch.testing.assert_close(filter_interpolation(frames, flow, filters), wanted, rtol=0, atol=1e-12)


def test_gradcheck() -> None:
    given = [each.requires_grad_() for each in case(2, 2, 4, 5, reach=2.0, seed=3)]
    assert torch.autograd.gradcheck(filter_interpolation, given)


def test_memory_layout_and_batch_do_not_matter() -> None:
    frames, flow, filters = case(3, 5, seed=4)
    wanted = filter_interpolation(frames, flow, filters)
    last = frames.contiguous(memory_format=torch.channels_last)
    assert torch.equal(filter_interpolation(last, flow, filters), wanted)
    alone = [filter_interpolation(*(each[k : k + 1] for each in (frames, flow, filters))) for k in range(3)]
    assert torch.equal(torch.cat(alone), wanted)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1e30, -1e30])
def test_a_flow_that_makes_no_sense_changes_nothing(value: float) -> None:
    frames, flow, filters = case(1, 2, 4, 5)
    assert torch.equal(filter_interpolation(frames, torch.full_like(flow, value), filters), frames)


def test_autocast_does_not_reach_it() -> None:
    given = [each.float() for each in case(1, 3, 6, 9, seed=5)]
    wanted = filter_interpolation(*given)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(filter_interpolation(*given), wanted)
        half = filter_interpolation(given[0].bfloat16(), given[1], given[2])
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), wanted, rtol=0, atol=0.1)


@pytest.mark.parametrize(("flow", "filters"), [((2, 2, 6, 8), (2, 16, 6, 9)), ((2, 2, 6, 9), (2, 9, 6, 9))])
def test_shapes_must_fit(flow: tuple[int, ...], filters: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="of the frames' size"):
        filter_interpolation(torch.zeros(2, 3, 6, 9), torch.zeros(flow), torch.zeros(filters))


def test_it_compiles_without_graph_breaks() -> None:
    torch.compiler.reset()
    given = case(1, 2, 5, 6, seed=6)
    compiled = torch.compile(filter_interpolation, fullgraph=True, backend="eager")
    assert torch.equal(compiled(*given), filter_interpolation(*given))
