"""The graph of ST-GR: who hears whom, and how loud (Sec. III-D).

Nodes are the frames of each side, first all of the first side, then all of the second. An edge matrix is (V, V) or
(B, V, V): the weight of the message from node u to node v stands in row v and column u; 0 is no edge. Nothing here
knows layers: an attribute is data of the graph.

The text calls E = (E^F, E^P, E^T) the attribute of an edge and does not say how three numbers weight a message.
Reading taken: each is mapped to [0, 1] and their mean is the weight; see `EdgeAttributes`.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.stinet.sides import Sides

Topology = Callable[[int, int, torch.device], Tensor]
"""Numbers of sides and of frames, and where, to an edge matrix of zeros and ones."""


def full_graph(sides: int, frames: int, device: torch.device) -> Tensor:
    """The text's graph: all frames of a side with each other, and both sides of a frame; undirected."""
    same_side, same_frame, _, _ = _relations(sides, frames, device)
    return (same_side ^ same_frame).float()


def causal_graph(sides: int, frames: int, device: torch.device) -> Tensor:
    """The release's graph: from earlier to later frames of a side, and from HR to LR of a frame."""
    same_side, same_frame, side, frame = _relations(sides, frames, device)
    from_earlier = frame < frame.unsqueeze(1)
    from_hr = side > side.unsqueeze(1)
    return ((same_side & from_earlier) | (same_frame & from_hr)).float()


def _relations(sides: int, frames: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Which nodes are of one side, which of one frame, (V, V) each; side and frame of every node, (V,)."""
    node = torch.arange(sides * frames, device=device)
    side, frame = node // frames, node % frames
    return side == side.unsqueeze(1), frame == frame.unsqueeze(1), side, frame


class PlainEdges(nn.Module):
    """Every edge counts the same, as in the release.

    Args:
        topology: the edges.
    """

    def __init__(self, topology: Topology) -> None:
        super().__init__()
        self.topology = topology

    def forward(self, nodes: Tensor, features: Sides, times: Tensor) -> Tensor:
        """The edge matrix (V, V)."""
        del features
        return self.topology(nodes.shape[1] // times.shape[-1], times.shape[-1], nodes.device)


class EdgeAttributes(nn.Module):
    """Edges are weighted by the mean of the attributes that are given.

    Args:
        topology: the edges.
        attributes: some of E^F, E^P, E^T, each mapped to [0, 1].
    """

    def __init__(self, topology: Topology, attributes: Sequence[nn.Module]) -> None:
        super().__init__()
        self.topology = topology
        self.attributes = nn.ModuleList(attributes)

    def forward(self, nodes: Tensor, features: Sides, times: Tensor) -> Tensor:
        """The edge matrix.

        Args:
            nodes: (B, V, C).
            features: what the nodes are the means of, (T, B, C, ...) by side.
            times: of the T frames, in output frames, (T,) or, for each clip, (B, T).

        Returns:
            (B, V, V).
        """
        graph = self.topology(nodes.shape[1] // times.shape[-1], times.shape[-1], nodes.device)
        first, *others = (attribute(nodes, features, times) for attribute in self.attributes)
        weights: Tensor = sum(others, start=first) / len(self.attributes)
        return graph * weights


class FrameSimilarity(nn.Module):
    """E^F: the cosine between two nodes, as (1 + cos) / 2."""

    def forward(self, nodes: Tensor, features: Sides, times: Tensor) -> Tensor:
        """(B, V, V)."""
        del features, times
        directions = F.normalize(nodes, dim=2)
        return (1 + directions @ directions.transpose(1, 2)) / 2


class PixelSimilarity(nn.Module):
    """E^P: the cosine between the features of a pixel in two nodes, averaged over pixels, as (1 + cos) / 2.

    Deviation from the release, with the text: HR features are averaged to LR size, not convolved by a layer that
    never learns; and the cosine is taken pixel by pixel, not once over all of them.
    """

    def forward(self, nodes: Tensor, features: Sides, times: Tensor) -> Tensor:
        """(B, V, V)."""
        del times
        height, width = min([maps.shape[-2:] for maps in features.values()])
        directions = []
        for maps in features.values():
            scale = maps.shape[-1] // width
            small = F.avg_pool2d(maps.flatten(0, 1), scale) if scale > 1 else maps.flatten(0, 1)
            directions.append(F.normalize(small.to(nodes.dtype), dim=1).unflatten(0, maps.shape[:2]))
        pixels = torch.cat(directions).flatten(2).transpose(0, 1)  # (B, V, C h w)
        return (1 + pixels @ pixels.transpose(1, 2) / (height * width)) / 2


class TemporalCloseness(nn.Module):
    """E^T = 1 - sigmoid(|t_1 - t_2|), twice: 1 for both sides of one frame, towards 0 for distant frames.

    Deviation from the release, with the text: times of frames, not numbers of nodes.
    """

    def forward(self, nodes: Tensor, features: Sides, times: Tensor) -> Tensor:
        """(V, V), or (B, V, V) for the times of each clip."""
        del features
        stamps = torch.cat([times] * (nodes.shape[1] // times.shape[-1]), dim=-1)
        return 2 - 2 * (stamps.unsqueeze(-2) - stamps.unsqueeze(-1)).abs().sigmoid()
