"""Filters of each pixel's own against scalar loops; then what must hold exactly."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import DataError
from harness.ops.dynamic_filter import dynamic_filter


def random_case(*, count: int = 2, size: int = 3, seed: int = 0) -> tuple[list[Tensor], Tensor]:
    generator = torch.Generator().manual_seed(seed)
    maps = [torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64) for _ in range(count)]
    return maps, torch.randn(2, count * size**2, 4, 5, generator=generator, dtype=torch.float64)


def by_loops(maps: list[Tensor], weights: Tensor, *, size: int) -> Tensor:
    result, reach = torch.zeros_like(maps[0]), size // 2
    batch, channels, height, width = result.shape
    for b, c, y, x, i, k in np.ndindex(batch, channels, height, width, len(maps), size**2):
        at_y, at_x = y + k // size - reach, x + k % size - reach
        if 0 <= at_y < height and 0 <= at_x < width:
            result[b, c, y, x] += weights[b, size**2 * i + k, y, x] * maps[i][b, c, at_y, at_x]
    return result


@pytest.mark.parametrize(("count", "size"), [(1, 1), (4, 3), (2, 5)])
def test_equals_scalar_loops(count: int, size: int) -> None:
    maps, weights = random_case(count=count, size=size)
    wanted = by_loops(maps, weights, size=size)
    torch.testing.assert_close(dynamic_filter(maps, weights, size=size), wanted, rtol=0, atol=1e-13)


def test_gradcheck() -> None:
    maps, weights = random_case(seed=1)
    inputs = [each[:1, :2].requires_grad_() for each in maps] + [weights[:1].requires_grad_()]
    assert torch.autograd.gradcheck(lambda *given: dynamic_filter(given[:-1], given[-1], size=3), inputs)


def test_the_same_filter_everywhere_is_a_convolution() -> None:
    maps, _ = random_case(count=1)
    kernel = torch.randn(25, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    ours = dynamic_filter(maps, kernel.view(1, 25, 1, 1).expand(2, -1, 4, 5), size=5)
    theirs = F.conv2d(maps[0], kernel.view(1, 1, 5, 5).expand(3, -1, -1, -1), padding=2, groups=3)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-13)


def test_maps_stay_as_they_were() -> None:
    maps, weights = random_case(seed=3)
    before = [each.clone() for each in maps]
    dynamic_filter(maps, weights, size=3)
    assert all(map(torch.equal, maps, before))


@pytest.mark.parametrize(("shape", "size"), [((2, 17, 4, 5), 3), ((2, 18, 4, 4), 3), ((2, 8, 4, 5), 2)])
def test_shapes_must_fit(shape: tuple[int, ...], size: int) -> None:
    with pytest.raises(DataError, match=r"weights \(B, N K², H, W\)"):
        dynamic_filter(random_case()[0], torch.zeros(shape), size=size)
