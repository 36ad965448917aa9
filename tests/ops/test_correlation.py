"""The cost volume against scalar loops; then what must hold exactly."""

import numpy as np
import pytest
import torch
from torch import Tensor

from harness.errors import DataError
from harness.ops.correlation import correlation


def maps(*shape: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    first, second = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
    return first, second


def by_loops(first: Tensor, second: Tensor, reach: int) -> Tensor:
    batch, channels, height, width = first.shape
    side = 2 * reach + 1
    costs = torch.zeros(batch, side * side, height, width, dtype=first.dtype)
    for b, dy, dx, y, x in np.ndindex(batch, side, side, height, width):
        at_y, at_x = y + dy - reach, x + dx - reach
        if 0 <= at_y < height and 0 <= at_x < width:
            terms = [float(first[b, c, y, x]) * float(second[b, c, at_y, at_x]) for c in range(channels)]
            costs[b, dy * side + dx, y, x] = sum(terms) / channels
    return costs


@pytest.mark.parametrize(("shape", "reach"), [((2, 3, 5, 6), 2), ((1, 2, 2, 3), 4), ((1, 1, 1, 1), 1)], ids=str)
def test_equals_scalar_loops(shape: tuple[int, ...], reach: int) -> None:
    first, second = maps(*shape)
    costs = correlation(first, second, max_displacement=reach)
    torch.testing.assert_close(costs, by_loops(first, second, reach), rtol=0, atol=1e-14)


def test_gradcheck() -> None:
    first, second = (each.requires_grad_() for each in maps(1, 2, 3, 4, seed=1))
    assert torch.autograd.gradcheck(lambda *both: correlation(*both, max_displacement=2), (first, second))


def test_the_middle_is_no_displacement() -> None:
    first, second = maps(1, 4, 6, 7, seed=2)
    costs = correlation(first, second, max_displacement=3)
    assert torch.equal(costs[:, 24], (first * second).mean(1))
    right = correlation(first, second.roll(1, dims=3), max_displacement=3)  # what was at x is now at x + 1
    assert torch.equal(right[:, 25, :, :-1], costs[:, 24, :, :-1])


@pytest.mark.parametrize("shape", [(1, 2, 4, 4), (2, 2, 4, 5), (2, 4, 4)], ids=str)
def test_shapes_must_fit(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="one shape"):
        correlation(torch.zeros(2, 2, 4, 4), torch.zeros(shape), max_displacement=1)
