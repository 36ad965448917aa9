"""Flow projection against scalar loops; its gradients, and what must hold exactly."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from harness.errors import DataError
from harness.ops.flow_projection import project_flow


def case(
    batch: int = 2, height: int = 7, width: int = 9, *, reach: float = 3.0, seed: int = 0
) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    flow = (torch.rand(batch, 2, height, width, generator=generator, dtype=torch.float64) - 0.5) * 2 * reach
    return flow, torch.rand(batch, 1, height, width, generator=generator, dtype=torch.float64) + 0.1


def by_loops(flow: Tensor, weights: Tensor, *, fill: bool) -> Tensor:
    """The sheet's words, pixel by pixel."""
    batch, _, height, width = flow.shape
    sums, passed = np.zeros((batch, 2, height, width)), np.zeros((batch, height, width))
    for b, y, x in np.ndindex(batch, height, width):
        dx, dy, w = float(flow[b, 0, y, x]), float(flow[b, 1, y, x]), float(weights[b, 0, y, x])
        if 0 <= x + dx <= width - 1 and 0 <= y + dy <= height - 1:
            left, top = int(x + dx), int(y + dy)
            for row in (top, min(top + 1, height - 1)):
                for column in (left, min(left + 1, width - 1)):
                    sums[b, :, row, column] -= w * dx, w * dy
                    passed[b, row, column] += w
    out = np.divide(sums, passed[:, None], out=np.zeros_like(sums), where=passed[:, None] > 0)
    filled = out.copy()
    for b, y, x in np.ndindex(batch, height, width) if fill else ():
        if passed[b, y, x] > 0:
            continue
        found = []
        for step_y, step_x in ((0, -1), (0, 1), (-1, 0), (1, 0)):
            at_y, at_x = y + step_y, x + step_x
            while 0 <= at_y < height and 0 <= at_x < width:
                if passed[b, at_y, at_x] > 0:
                    found.append(out[b, :, at_y, at_x])
                    break
                at_y, at_x = at_y + step_y, at_x + step_x
        if found:
            filled[b, :, y, x] = sum(found) / len(found)
    return torch.from_numpy(filled)


@pytest.mark.parametrize("fill", [False, True])
@pytest.mark.parametrize("reach", [0.4, 3.0, 30.0])
@pytest.mark.parametrize("size", [(7, 9), (1, 5), (6, 1), (1, 1)], ids=str)
def test_equals_scalar_loops(size: tuple[int, int], reach: float, fill: bool) -> None:
    flow, weights = case(2, *size, reach=reach)
    wanted = by_loops(flow, weights, fill=fill)
    torch.testing.assert_close(project_flow(flow, weights, fill=fill), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("fill", [False, True])
def test_whole_pixels_and_edges_equal_scalar_loops(fill: bool) -> None:
    """Where pixels land on the last row and column, and cells count twice."""
    flow, weights = case(2, 6, 8, reach=4.0, seed=1)
    flow = flow.round()
    torch.testing.assert_close(
        project_flow(flow, weights, fill=fill), by_loops(flow, weights, fill=fill), rtol=0, atol=1e-12
    )


def test_the_cases_have_holes_of_every_kind() -> None:
    flow, weights = case(2, 7, 9, reach=30.0)
    holes = (project_flow(flow, weights, fill=False) == 0).all(1)
    filled = (project_flow(flow, weights, fill=True) == 0).all(1)
    assert holes.any()
    assert filled.any()
    assert (holes & ~filled).any()


@pytest.mark.parametrize("fill", [False, True])
def test_gradcheck(fill: bool) -> None:
    flow, weights = (each.requires_grad_() for each in case(1, 4, 5, seed=2))
    assert torch.autograd.gradcheck(lambda *both: project_flow(*both, fill=fill), (flow, weights))


def test_the_nearer_pixel_decides() -> None:
    """Two pixels land in one place; one weighs a thousand times more."""
    flow = torch.full((1, 2, 3, 8), 100.0)  # everything else leaves
    flow[0, :, 1, 1], flow[0, :, 1, 5] = torch.tensor([2.0, 0.0]), torch.tensor([-2.0, 0.0])
    weights = torch.ones(1, 1, 3, 8)
    weights[..., 5] = 999
    projected = project_flow(flow, weights, fill=False)[0]
    assert projected[0, 1, 3] == pytest.approx(2 - 4 / 1000, abs=1e-5)
    assert projected[:, 0].eq(0).all()
    assert project_flow(flow, weights, fill=True)[0, 0, 0, 3] == projected[0, 1, 3]  # from below, and nothing else


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1e30])
def test_a_flow_that_makes_no_sense_lands_nowhere(value: float) -> None:
    flow, weights = case(1, 4, 5, reach=0.3)
    flow[..., 0] = 1000.0
    wanted = project_flow(flow, weights, fill=True)
    flow[..., 0] = value
    assert torch.equal(project_flow(flow, weights, fill=True), wanted)


@pytest.mark.parametrize(("flow", "weights"), [((1, 3, 4, 4), (1, 1, 4, 4)), ((1, 2, 4, 4), (1, 2, 4, 4))])
def test_shapes_must_fit(flow: tuple[int, ...], weights: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="one weight a pixel"):
        project_flow(torch.zeros(flow), torch.ones(weights), fill=True)


def test_it_compiles_without_graph_breaks() -> None:
    torch.compiler.reset()
    flow, weights = case(1, 5, 6, seed=3)
    compiled = torch.compile(project_flow, fullgraph=True, backend="eager")
    assert torch.equal(compiled(flow, weights, fill=True), project_flow(flow, weights, fill=True))
