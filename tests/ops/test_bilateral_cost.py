"""The bilateral cost volume against scalar loops; then what must hold exactly."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import DataError
from harness.ops import memory
from harness.ops.bilateral_cost import bilateral_cost
from harness.ops.warp import Reading

READINGS: tuple[Reading, ...] = ("corners", "areas")
TIMES = (0.0, 0.25, 0.5, 0.9, 1.0)


def random_case(*shape: int, seed: int = 0, reach: float = 2.0) -> tuple[Tensor, Tensor, Tensor]:
    """Two maps and a motion."""
    generator = torch.Generator().manual_seed(seed)
    first, second = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
    batch, _, height, width = shape
    motion = (torch.rand(batch, 2, height, width, generator=generator, dtype=torch.float64) - 0.5) * 2 * reach
    return first, second, motion


def read(v: float, size: int, reading: Reading) -> float:
    """What `grid_sample` reads of 2 v / max(size - 1, 1) - 1."""
    normalised = 2 * v / max(size - 1, 1) - 1
    return (normalised + 1) / 2 * (size - 1) if reading == "corners" else ((normalised + 1) * size - 1) / 2


def at(map_: Tensor, x: float, y: float, reading: Reading) -> tuple[list[float], bool]:
    """All channels of (C, H, W) at a place, and whether it counts."""
    channels, height, width = map_.shape
    x, y = read(x, width, reading), read(y, height, reading)
    left, top = math.floor(x), math.floor(y)
    total, weight_inside = [0.0] * channels, 0.0
    for row, column in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        weight = (1 - abs(x - column)) * (1 - abs(y - row))
        weight_inside += weight * (0 <= row < height and 0 <= column < width)
        pixel = map_[:, min(max(row, 0), height - 1), min(max(column, 0), width - 1)].tolist()
        total = [value + weight * more for value, more in zip(total, pixel, strict=True)]
    return total, weight_inside >= 0.999


def by_loops(first: Tensor, second: Tensor, motion: Tensor, *, reach: int, reading: Reading, time: float) -> Tensor:
    a, b = (each / (each.square().sum(1, keepdim=True) + 1e-6).sqrt() for each in (first, second))
    batch, _, height, width = first.shape
    side = 2 * reach + 1
    costs = torch.zeros(batch, side * side, height, width, dtype=first.dtype)
    for n, r, c, y, x in np.ndindex(batch, side, side, height, width):
        dx, dy = float(motion[n, 0, y, x]) + c - reach, float(motion[n, 1, y, x]) + r - reach
        seen_a, counts_a = at(a[n], x - 2 * time * dx, y - 2 * time * dy, reading)
        seen_b, counts_b = at(b[n], x + 2 * (1 - time) * dx, y + 2 * (1 - time) * dy, reading)
        if time == 0:
            seen_a, counts_a = a[n, :, y, x].tolist(), True
        if time == 1:
            seen_b, counts_b = b[n, :, y, x].tolist(), True
        if counts_a and counts_b:
            costs[n, r * side + c, y, x] = sum(u * v for u, v in zip(seen_a, seen_b, strict=True))
    return costs


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("time", TIMES)
def test_equals_scalar_loops(time: float, reading: Reading) -> None:
    case = random_case(2, 3, 5, 6)
    ours = bilateral_cost(*case, max_displacement=1, reading=reading, time=time)
    wanted = by_loops(*case, reach=1, reading=reading, time=time)
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-13)
    assert 0.05 < float((wanted != 0).double().mean()) < 1


@pytest.mark.parametrize("size", [(1, 4), (4, 1), (1, 1)], ids=str)
@pytest.mark.parametrize("reading", READINGS)
def test_maps_of_one_pixel_across(reading: Reading, size: tuple[int, int]) -> None:
    case = random_case(1, 2, *size, seed=1)
    ours = bilateral_cost(*case, max_displacement=2, reading=reading, time=0.25)
    torch.testing.assert_close(ours, by_loops(*case, reach=2, reading=reading, time=0.25), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("reading", "around"), [("corners", 0.0), ("areas", -0.21875)])
def test_a_little_outside_a_map_continues_with_its_edge(reading: Reading, around: float) -> None:
    """Of maps that are the same everywhere every cost that counts is one, and not a thousandth less."""
    maps = torch.full((1, 4, 500, 8), 1e3, dtype=torch.float64)
    motion = torch.zeros(1, 2, 500, 8, dtype=torch.float64)
    motion[:, 0] = around + torch.linspace(-0.005, 0.005, 500).unsqueeze(1)
    costs = bilateral_cost(maps, maps, motion, max_displacement=0, reading=reading, time=0)
    last = costs[0, 0, 1:-1, -1]  # read from -0.01 before the edge to 0.01 behind it
    assert bool(((last == 0) | ((last - 1).abs() < 1e-9)).all())
    assert 270 < int((last != 0).sum()) < 285  # half of them, and a thousandth more


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("time", TIMES)
def test_gradcheck(time: float, reading: Reading) -> None:
    case = [each.requires_grad_() for each in random_case(1, 2, 4, 5, seed=2)]

    def run(*inputs: Tensor) -> Tensor:
        return bilateral_cost(*inputs, max_displacement=1, reading=reading, time=time)

    assert torch.autograd.gradcheck(run, case)


@pytest.mark.parametrize("limit", [1, 4000])  # a displacement at a time, several
def test_parts_change_nothing(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> list[Tensor]:
        case = [each.requires_grad_() for each in random_case(2, 3, 5, 6)]
        costs = bilateral_cost(*case, max_displacement=2, reading="areas", time=0.25)
        return [costs, *torch.autograd.grad(costs.square().sum(), case)]

    whole = run()
    monkeypatch.setattr(memory, "CPU_LIMIT", limit)
    for ours, expected in zip(run(), whole, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("learning", [False, True])
def test_parts_bound_the_samples(learning: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Autograd keeps no samples: what it keeps does not grow with the displacements, but for motions and costs."""
    sizes: list[int] = []
    grid_sample = F.grid_sample

    def listen(maps: Tensor, grid: Tensor, **how: object) -> Tensor:
        result = grid_sample(maps, grid, **how)  # type: ignore[arg-type]
        sizes.append(result.nbytes)
        return result

    monkeypatch.setattr(F, "grid_sample", listen)
    monkeypatch.setattr(memory, "CPU_LIMIT", 50_000)
    kept: dict[int, int] = {}
    case = [each.requires_grad_(learning) for each in random_case(1, 16, 12, 10)]

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        costs = bilateral_cost(*case, max_displacement=3, reading="corners")
    assert max(sizes) <= 50_000
    assert len(sizes) > 10
    samples = 2 * 49 * case[0].nbytes
    assert sum(kept.values()) < samples / 4
    if learning:
        costs.sum().backward()
        assert max(sizes) <= 50_000


def test_what_moves_steadily_is_found() -> None:
    """Maps that move by two pixels from 0 to 1: the best bilateral motion is one pixel, at every time half-way."""
    whole = torch.randn(1, 8, 12, 20, generator=torch.Generator().manual_seed(0))
    first, second = whole[..., 2:], whole[..., :-2]  # what is at x in the first is at x + 2 in the second
    costs = bilateral_cost(first, second, torch.zeros(1, 2, 12, 18), max_displacement=2, reading="corners")
    best = costs[..., 2:-2, 3:-3].argmax(dim=1)
    assert bool((best == 2 * 5 + 3).all())
    torch.testing.assert_close(costs[:, 13, 2:-2, 3:-3], torch.ones(1, 8, 12), rtol=0, atol=1e-5)


def test_half_precision_becomes_float32() -> None:
    first, second, motion = (each.half() for each in random_case(1, 4, 6, 7))
    costs = bilateral_cost(first, second, motion, max_displacement=1, reading="corners")
    assert costs.dtype == torch.float32


@pytest.mark.parametrize(
    ("second", "motion", "time"),
    [((2, 4, 4, 5), (2, 2, 4, 4), 0.5), ((2, 4, 4, 4), (2, 2, 4, 5), 0.5), ((2, 4, 4, 4), (2, 2, 4, 4), 1.5)],
)
def test_what_does_not_fit_is_refused(second: tuple[int, ...], motion: tuple[int, ...], time: float) -> None:
    with pytest.raises(DataError, match="bilateral cost volume"):
        bilateral_cost(
            torch.zeros(2, 4, 4, 4),
            torch.zeros(second),
            torch.zeros(motion),
            max_displacement=1,
            reading="corners",
            time=time,
        )
