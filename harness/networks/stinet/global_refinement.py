"""Phase 3: ST-GR, spatial-temporal global refinement (Sec. III-D, Fig. 3b).

A graph over the whole sequence: one node for each frame and side, whose feature is the spatial mean. Four
GraphSAGE layers (W. Hamilton, R. Ying, J. Leskovec, "Inductive Representation Learning on Large Graphs", 2017,
aggregator "gcn") pass messages along its edges; the result scales the channels of every map.

The stage gives `Refined`: features, and the gain of each of their channels. The two are not multiplied here: the
first layers of the reconstruction take the gain, so that refined HR maps are never written.

Full precision throughout: means over many pixels, and a graph of few nodes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from harness.networks.stinet.sides import Private, Sides
from harness.ops.graph_sage import neighbourhood_mean
from harness.ops.precision import at_least_float32, full_precision


class Refined(NamedTuple):
    """Features of all frames and the gain of their channels; the paper's L^G and H^G are their products.

    Args:
        features: (T, B, C, H, W) by side.
        gain: (T, B, C, 1, 1) by side.
    """

    features: Sides
    gain: Sides


class GraphSage(nn.Module):
    """GraphSAGE layers as dense matrices (harness.ops.graph_sage).

    Args:
        layers: the W and b; a ReLU stands between them and none follows the last.
    """

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, nodes: Tensor, edges: Tensor) -> Tensor:
        """Nodes (B, V, C) and the weights of their edges, (V, V) or (B, V, V), to (B, V, C')."""
        mean = neighbourhood_mean(edges)
        first, *others = self.layers
        nodes = first(mean @ nodes)
        for layer in others:
            nodes = layer(mean @ nodes.relu())
        return nodes


class GraphRefinement(nn.Module):
    """The stage that refines frames by the whole sequence.

    Args:
        edges: who hears whom, and how loud (`edges`).
        graph: the layers.
        gain: of the residual. Not in the text; 0.1 in the release.
    """

    def __init__(self, *, edges: nn.Module, graph: GraphSage, gain: float) -> None:
        super().__init__()
        self.edges = edges
        self.graph = graph
        self.gain = gain

    def forward(self, features: Sides, times: Tensor) -> Refined:
        """Features (T, B, C, ...) and the times of the frames, in output frames, (T,) or (B, T)."""
        with full_precision(times.device.type):
            means = [at_least_float32(maps).mean(dim=(-2, -1)) for maps in features.values()]
            nodes = torch.cat(means).transpose(0, 1)  # (B, V, C)
            modulation = self.graph(nodes, self.edges(nodes, features, times)).transpose(0, 1)
            gains = (1 + self.gain * modulation)[..., None, None].chunk(len(features))
        return Refined(features, dict(zip(features, gains, strict=True)))


class NoGlobalRefinement(nn.Module):
    """Features as they are (Table I, "w/o ST-GR")."""

    def forward(self, features: Sides, times: Tensor) -> Refined:
        """With a gain of one."""
        del times
        return Refined(features, {side: _ones(maps) for side, maps in features.items()})


class RecurrentRefinement(nn.Module):
    """A bidirectional deformable ConvLSTM in the place of the graph (Table IV, "ST-GR -> BDCL").

    Not described beyond its name. Reading taken: one, shared by the sides, HR features at LR size as in ST-LR,
    whose layers for that are borrowed (they stay ST-LR's in the state dict); its result is added to the features.

    Args:
        lstm: `BidirectionalConvLSTM`.
        reduce: ST-LR's layers from the size of a side to LR size.
        enlarge: ST-LR's layers back.
    """

    def __init__(self, lstm: nn.Module, *, reduce: Private, enlarge: Private) -> None:
        super().__init__()
        self.lstm = lstm
        self._borrowed = (reduce, enlarge)  # in a tuple: not registered a second time

    def forward(self, features: Sides, times: Tensor) -> Refined:
        """Features (T, B, C, ...); times do not matter to a recurrence."""
        del times
        reduce, enlarge = self._borrowed
        clips = torch.cat(list(reduce(features).values()), dim=1)  # both sides as one batch: (T, S B, C, h, w)
        parts = self.lstm(clips).chunk(len(features), dim=1)
        residual = enlarge(dict(zip(features, parts, strict=True)))
        refined = {side: maps + residual[side] for side, maps in features.items()}
        return Refined(refined, {side: _ones(maps) for side, maps in features.items()})


def _ones(maps: Tensor) -> Tensor:
    return torch.ones((), device=maps.device).expand(*maps.shape[:3], 1, 1)
