"""GraphSAGE's mean as a matrix against the definition, node by node."""

import random
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from harness.errors import DataError
from harness.networks.stinet.global_refinement import GraphSage
from harness.ops.graph_sage import neighbourhood_mean

Matrix = list[list[float]]


def random_edges(nodes: int, *, seed: int, loops: bool = False) -> Tensor:
    """About half of all edges, weighted in (0, 1)."""
    generator = random.Random(seed)
    rows = [
        [generator.random() if generator.random() < 0.5 and (loops or u != v) else 0.0 for u in range(nodes)]
        for v in range(nodes)
    ]
    return torch.tensor(rows, dtype=torch.float64)


def aggregated(nodes: Matrix, edges: Matrix) -> Matrix:
    """(z_v + sum_u a_vu z_u) / (1 + sum_u a_vu), by loops over nodes, messages and channels."""
    result = []
    for v, own in enumerate(nodes):
        total, weight = list(own), 1.0
        for u, other in enumerate(nodes):
            weight += edges[v][u]
            total = [sum_ + edges[v][u] * value for sum_, value in zip(total, other, strict=True)]
        result.append([value / weight for value in total])
    return result


def layer_by_loops(nodes: Matrix, layer: nn.Linear) -> Matrix:
    weight, bias = layer.weight.tolist(), layer.bias.tolist()
    return [
        [shift + sum(w * z for w, z in zip(row, node, strict=True)) for row, shift in zip(weight, bias, strict=True)]
        for node in nodes
    ]


@pytest.mark.parametrize("loops", [False, True])
@pytest.mark.parametrize("nodes", [1, 2, 5, 14])
def test_the_mean_is_that_of_the_definition(nodes: int, loops: bool) -> None:
    edges = random_edges(nodes, seed=nodes, loops=loops)
    features = torch.randn(nodes, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = torch.tensor(aggregated(features.tolist(), edges.tolist()), dtype=torch.float64)
    torch.testing.assert_close(neighbourhood_mean(edges) @ features, expected, rtol=1e-12, atol=1e-12)


def test_rows_sum_to_one_in_every_batch() -> None:
    edges = torch.stack([random_edges(6, seed=seed) for seed in range(4)]).unflatten(0, (2, 2))
    mean = neighbourhood_mean(edges)
    assert mean.shape == (2, 2, 6, 6)
    torch.testing.assert_close(mean.sum(-1), torch.ones(2, 2, 6, dtype=torch.float64))
    assert all(torch.equal(mean[i, j], neighbourhood_mean(edges[i, j])) for i in range(2) for j in range(2))
    assert bool((mean >= 0).all())


def test_a_node_that_hears_nobody_keeps_itself() -> None:
    edges = random_edges(5, seed=3)
    edges[2] = 0
    assert neighbourhood_mean(edges)[2].tolist() == [0, 0, 1, 0, 0]
    assert torch.equal(neighbourhood_mean(torch.zeros(3, 3)), torch.eye(3))


def test_a_message_goes_from_column_to_row() -> None:
    edges = torch.tensor([[0.0, 3.0], [0.0, 0.0]])
    assert (neighbourhood_mean(edges) @ torch.tensor([[0.0], [4.0]])).tolist() == [[3.0], [4.0]]


@pytest.mark.parametrize("shape", [(2, 3), (4, 3, 2), (3,), ()])
def test_what_is_no_square_matrix_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"square matrix.*\n.*shape \("):
        neighbourhood_mean(torch.zeros(shape))


@pytest.mark.parametrize("sizes", [(3, 4), (3, 5, 2), (2, 4, 4, 4, 2)])
def test_layers_are_those_of_the_definition(sizes: tuple[int, ...]) -> None:
    """W times the mean, plus b; a ReLU between layers, none after the last and none before the first."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = [nn.Linear(a, b).double() for a, b in pairwise(sizes)]
        nodes = torch.randn(2, 6, sizes[0], dtype=torch.float64)
    edges = torch.stack([random_edges(6, seed=seed) for seed in range(2)])
    with torch.inference_mode():
        found = GraphSage(layers)(nodes, edges)
        shared = GraphSage(layers)(nodes, edges[0])
    for clip in range(2):
        state: Matrix = nodes[clip].tolist()
        for index, layer in enumerate(layers):
            heard = state if index == 0 else [[max(value, 0.0) for value in node] for node in state]
            state = layer_by_loops(aggregated(heard, edges[clip].tolist()), layer)
        expected = torch.tensor(state, dtype=torch.float64)
        torch.testing.assert_close(found[clip], expected, rtol=1e-10, atol=1e-10)
        assert (float((shared[clip] - expected).abs().max()) < 1e-10) == (clip == 0)
