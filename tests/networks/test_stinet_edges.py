"""The graph of ST-GR against its rules, edge by edge, and the attributes of edges against their definitions."""

import math
from collections.abc import Callable
from itertools import product

import pytest
import torch
from torch import Tensor, nn

from harness.networks.stinet.edges import (
    EdgeAttributes,
    FrameSimilarity,
    PixelSimilarity,
    PlainEdges,
    TemporalCloseness,
    Topology,
    causal_graph,
    full_graph,
)
from harness.networks.stinet.sides import Sides

CPU = torch.device("cpu")
SIDES = {1: ("hr",), 2: ("lr", "hr")}
CHANNELS, HEIGHT, WIDTH, SCALE = 3, 2, 3, 4
TIMES = torch.tensor([0.0, 0.5, 2.0], dtype=torch.float64)

Node = tuple[str, int]


def nodes_of(sides: int, frames: int) -> list[Node]:
    """Every node, as it stands in the matrices: first all of the first side."""
    return list(product(SIDES[sides], range(frames)))


def is_full(source: Node, target: Node) -> bool:
    """All frames of a side with each other, both sides of a frame, nobody with itself."""
    (side, i), (other, j) = source, target
    return (side == other and i != j) or (side != other and i == j)


def is_causal(source: Node, target: Node) -> bool:
    """HR_i -> HR_j and LR_i -> LR_j for i < j; HR_i -> LR_i."""
    (side, i), (other, j) = source, target
    return (side == other and i < j) or ((side, other) == ("hr", "lr") and i == j)


@pytest.mark.parametrize("frames", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize(("graph", "rule"), [(full_graph, is_full), (causal_graph, is_causal)])
def test_edges_are_those_of_the_rule(
    graph: Topology, rule: Callable[[Node, Node], bool], sides: int, frames: int
) -> None:
    nodes = nodes_of(sides, frames)
    expected = [[float(rule(source, target)) for source in nodes] for target in nodes]
    assert graph(sides, frames, CPU).tolist() == expected


def test_the_graph_of_the_release_has_its_49_edges() -> None:
    edges = causal_graph(2, 7, CPU)
    assert edges.sum() == 49
    lr, hr = edges.sum(1).chunk(2)
    assert hr.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert lr.tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_the_graph_of_the_text_is_undirected() -> None:
    edges = full_graph(2, 7, CPU)
    assert torch.equal(edges, edges.T)
    assert edges.sum() == 2 * 7 * 6 + 2 * 7
    assert edges.diagonal().sum() == 0


# -- attributes, two clips of three frames at uneven times


def features(sides: tuple[str, ...] = ("lr", "hr")) -> Sides:
    generator = torch.Generator().manual_seed(0)
    sizes = {"lr": (HEIGHT, WIDTH), "hr": (SCALE * HEIGHT, SCALE * WIDTH)}
    shape = (len(TIMES), 2, CHANNELS)
    return {side: torch.randn(*shape, *sizes[side], generator=generator, dtype=torch.float64) for side in sides}


def means(maps: Sides) -> Tensor:
    """(B, V, C)."""
    return torch.cat([each.mean((-2, -1)) for each in maps.values()]).transpose(0, 1)


def cosine(a: list[float], b: list[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def pixel(maps: Tensor, y: int, x: int, block: int) -> list[float]:
    """The features (C, H, W) of one pixel of the smallest side: those of larger sides are averaged over its block."""
    places = [(y * block + i, x * block + j) for i in range(block) for j in range(block)]
    return [sum(float(plane[place]) for place in places) / len(places) for plane in maps]


def frame_similarity(maps: Sides, clip: int, a: Node, b: Node) -> float:
    one, other = (maps[side][frame, clip].mean((-2, -1)).tolist() for side, frame in (a, b))
    return (1 + cosine(one, other)) / 2


def pixel_similarity(maps: Sides, clip: int, a: Node, b: Node) -> float:
    height, width = (HEIGHT, WIDTH) if "lr" in maps else (SCALE * HEIGHT, SCALE * WIDTH)
    one, other = (maps[side][frame, clip] for side, frame in (a, b))
    cosines = [
        cosine(pixel(one, y, x, one.shape[-1] // width), pixel(other, y, x, other.shape[-1] // width))
        for y, x in product(range(height), range(width))
    ]
    return (1 + sum(cosines) / len(cosines)) / 2


def temporal_closeness(maps: Sides, clip: int, a: Node, b: Node) -> float:
    del maps, clip
    return 2 * (1 - 1 / (1 + math.exp(-abs(float(TIMES[a[1]] - TIMES[b[1]])))))


ATTRIBUTES: list[tuple[type[nn.Module], Callable[..., float]]] = [
    (FrameSimilarity, frame_similarity),
    (PixelSimilarity, pixel_similarity),
    (TemporalCloseness, temporal_closeness),
]


@pytest.mark.parametrize("sides", [("lr", "hr"), ("lr",), ("hr",)], ids=str)
@pytest.mark.parametrize(("attribute", "definition"), ATTRIBUTES)
def test_an_attribute_is_its_definition(
    attribute: type[nn.Module], definition: Callable[..., float], sides: tuple[str, ...]
) -> None:
    maps, nodes = features(sides), list(product(sides, range(len(TIMES))))
    found = attribute()(means(maps), maps, TIMES).expand(2, len(nodes), len(nodes))
    expected = [[[definition(maps, clip, a, b) for b in nodes] for a in nodes] for clip in range(2)]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(found, found.transpose(1, 2), rtol=0, atol=1e-15)
    assert -1e-12 < float(found.min()) <= float(found.max()) < 1 + 1e-12
    assert float(found.std()) > 0.01


@pytest.mark.parametrize("graph", [full_graph, causal_graph])
def test_a_weight_is_the_mean_of_the_attributes_that_are_there(graph: Topology) -> None:
    maps = features()
    every = [attribute() for attribute, _ in ATTRIBUTES]
    for chosen in (every, every[:1], every[1:], every[::2]):
        weights = EdgeAttributes(graph, chosen)(means(maps), maps, TIMES)
        single = torch.stack([each(means(maps), maps, TIMES).expand(2, 6, 6) for each in chosen])
        torch.testing.assert_close(weights, graph(2, 3, CPU).double() * single.mean(0), rtol=0, atol=1e-14)
        assert 0 <= float(weights.min()) <= float(weights.max()) <= 1
        assert torch.equal((weights != 0).double(), graph(2, 3, CPU).double().expand(2, 6, 6))


def test_plain_edges_are_the_graph_itself() -> None:
    maps = features()
    assert torch.equal(PlainEdges(causal_graph)(means(maps), maps, TIMES), causal_graph(2, 3, CPU))


def test_closeness_forgets_distant_frames() -> None:
    times = torch.arange(7.0, dtype=torch.float64)
    maps = torch.zeros(2, 14, CHANNELS)
    row = TemporalCloseness()(maps, {}, times)[0]
    assert row[0] == row[7] == 1
    assert bool((row[1:7] < row[:6]).all())
    assert float(row[6]) < 0.01
