"""Phase 3: ST-GR, spatial-temporal global refinement (Sec. III-D, Fig. 3b).

A graph over the whole sequence: one node for each frame and side, whose feature is the spatial mean. Four
GraphSAGE layers (W. Hamilton, R. Ying, J. Leskovec, "Inductive Representation Learning on Large Graphs", 2017,
aggregator "gcn") pass messages along its edges; the result scales the channels of every map.

Conventions: nodes are (B, 2T, C), first the T LR ones, then the T HR ones. An edge matrix is (2T, 2T) or
(B, 2T, 2T), the weight of the message from node u to node v in row v and column u, without the nodes themselves.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from harness.networks.stinet.features import Features

Edges = Callable[[Features], Tensor]
"""From the features to their edge matrix."""


def causal_edges(features: Features) -> Tensor:
    """The release's graph: from earlier to later frames of a side, and from HR to LR of a frame."""
    same, none = _identity(features.lr), torch.zeros_like(_identity(features.lr))
    earlier = torch.ones_like(same).tril(-1)
    return torch.cat((torch.cat((earlier, same), dim=1), torch.cat((none, earlier), dim=1)))


def full_edges(features: Features) -> Tensor:
    """The text's graph: all frames of a side with each other, and both sides of a frame."""
    same = _identity(features.lr)
    others = 1 - same
    return torch.cat((torch.cat((others, same), dim=1), torch.cat((same, others), dim=1)))


def _identity(maps: Tensor) -> Tensor:
    return torch.eye(maps.shape[1], device=maps.device, dtype=maps.dtype)


class GraphSage(nn.Module):
    """GraphSAGE layers as dense matrices.

    Each layer is z'_v = W (z_v + sum_u a_vu z_u) / (1 + sum_u a_vu) + b over the edges u to v of weight a_vu.

    Args:
        layers: the W and b; a ReLU stands between them and none follows the last.
    """

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, nodes: Tensor, edges: Tensor) -> Tensor:
        """Nodes (B, V, C) and the weights of their edges, (V, V) or (B, V, V), to (B, V, C')."""
        with_self = edges + torch.eye(nodes.shape[1], device=edges.device, dtype=edges.dtype)
        mean = with_self / with_self.sum(dim=-1, keepdim=True)
        first, *later = self.layers
        nodes = first(mean @ nodes)
        for layer in later:
            nodes = layer(mean @ nodes.relu())
        return nodes


class GlobalRefinement(nn.Module):
    """The stage that refines frames by the whole sequence.

    Args:
        edges: who hears whom, and how loud.
        graph: the layers.
        gain: of the residual. Not in the text; 0.1 in the release.
    """

    def __init__(self, *, edges: Edges, graph: GraphSage, gain: float) -> None:
        super().__init__()
        self.edges = edges
        self.graph = graph
        self.gain = gain

    def forward(self, features: Features) -> Features:
        """The features, every channel of every frame scaled by 1 + gain * (its node after the graph)."""
        nodes = torch.cat((features.lr.mean(dim=(-2, -1)), features.hr.mean(dim=(-2, -1))), dim=1)
        modulation: Tensor = self.graph(nodes, self.edges(features))
        lr, hr = (1 + self.gain * modulation[..., None, None]).chunk(2, dim=1)
        return Features(lr=features.lr * lr, hr=features.hr * hr)
