"""STINet's released configuration, one frame and one pair at a time: what `bench_stinet` compares with.

Written from the description of the release's program, with our layers and our weights: S-SR a frame at a time,
ST-FI a pair and a branch at a time, ST-LR a frame, a direction and a side at a time on concatenated features, and
the similarities of the graph's edges, an edge at a time and read by the host, although nothing uses them.
Maps lie in memory as PyTorch lays them out by itself.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.stinet.global_refinement import GraphRefinement
from harness.networks.stinet.interpolation import Entry, adapted_flows
from harness.networks.stinet.local import Interaction, LocalRefinement, NeighbourLayer
from harness.networks.stinet.network import STINet


class Straightforward(nn.Module):
    """The same function as the network that it is made of, for clips of one batch element."""

    def __init__(self, network: STINet) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor, flow_0_to_1: Tensor, flow_1_to_0: Tensor) -> Tensor:
        """(1, N, 3, h, w) and flows (1, N-1, 2, h, w) to (1, 2N-1, 3, 4h, 4w)."""
        start = self.network.initialisation
        hr = [start.super_resolution(frame) for frame in frames.unbind(1)]
        lr = [start.sides["lr"](maps) for maps in hr]
        lr, hr = self._interpolated(lr, hr, flow_0_to_1, flow_1_to_0)
        lr, hr = self._locally_refined(lr, hr)
        lr, hr = self._globally_refined(lr, hr)
        one = torch.ones(1, 1, 1, 1)
        branches = self.network.reconstruction.branches
        pictures = [branches["lr"](a, one) + branches["hr"](b, one) for a, b in zip(lr, hr, strict=True)]
        return torch.stack(pictures, dim=1)

    def _interpolated(
        self, lr: list[Tensor], hr: list[Tensor], flow_0_to_1: Tensor, flow_1_to_0: Tensor
    ) -> tuple[list[Tensor], list[Tensor]]:
        stage = self.network.interpolation
        new_lr, new_hr = [lr[0]], [hr[0]]
        for i in range(len(lr) - 1):
            flows = adapted_flows(flow_0_to_1[:, i, None], flow_1_to_0[:, i, None], (0.5,))[0, 0]
            motion = stage.motion.get_submodule("layers")(flows.transpose(0, 1).reshape(1, 4, *flows.shape[2:]))
            large = F.interpolate(motion, scale_factor=4, mode="bilinear", align_corners=True)
            for side, maps, m, out in (("lr", lr, motion, new_lr), ("hr", hr, large, new_hr)):
                entry = stage.entry[side]
                if not isinstance(entry, Entry):
                    raise TypeError(type(entry).__name__)
                entered = entry.rest(entry.first.layer(torch.cat((maps[i], maps[i + 1], m), dim=1)))
                out += [stage.last[side](stage.joint.get_submodule("module")(entered)), maps[i + 1]]
        return new_lr, new_hr

    def _locally_refined(self, lr: list[Tensor], hr: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        stage = self.network.local_refinement
        if not isinstance(stage, LocalRefinement) or not isinstance(stage.interaction, Interaction):
            raise TypeError(type(stage).__name__)
        refined_lr, refined_hr = [], []
        for t in range(len(lr)):
            aligned_lr, aligned_hr = [], []
            for direction, neighbour in (("past", max(t - 1, 0)), ("future", min(t + 1, len(lr) - 1))):
                s_lr = self._offset_features(stage, direction, lr[neighbour], lr[t])
                s_hr = stage.reduce_offsets["hr"](self._offset_features(stage, direction, hr[neighbour], hr[t]))
                met = stage.interaction.meet(s_lr, s_hr)
                align = stage.get_submodule(f"{direction}.module")
                sides = stage.interaction.sides
                aligned_lr.append(align(lr[neighbour], sides["lr"](met)))
                small = align(stage.reduce["hr"](hr[neighbour]), sides["hr"](met))
                aligned_hr.append(stage.enlarge["hr"](small))
            fuse = stage.fuse.get_submodule("module")
            refined_lr.append(lr[t] + fuse(aligned_lr[0], lr[t], aligned_lr[1]))
            refined_hr.append(hr[t] + fuse(aligned_hr[0], hr[t], aligned_hr[1]))
        return refined_lr, refined_hr

    @staticmethod
    def _offset_features(stage: LocalRefinement, direction: str, neighbour: Tensor, centre: Tensor) -> Tensor:
        first = stage.offset_features.first.get_submodule("module")
        if not isinstance(first, NeighbourLayer):
            raise TypeError(type(first).__name__)
        layer = first.past if direction == "past" else first.future
        rest = stage.offset_features.get_submodule(f"{direction}.module")
        features: Tensor = rest(layer(torch.cat((neighbour, centre), dim=1)))
        return features

    def _globally_refined(self, lr: list[Tensor], hr: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        stage = self.network.global_refinement
        if not isinstance(stage, GraphRefinement):
            raise TypeError(type(stage).__name__)
        maps = [*lr, *hr]
        nodes = torch.stack([each.mean((-2, -1))[0] for each in maps])
        edges = stage.edges(
            nodes[None], {"lr": torch.stack(lr), "hr": torch.stack(hr)}, torch.arange(len(lr)).float()
        )
        for v, u in edges.nonzero().tolist():  # what the release computes for every edge and never reads
            F.cosine_similarity(nodes[u], nodes[v], dim=0).item()
            small = [F.avg_pool2d(each, 4) if each.shape == hr[0].shape else each for each in (maps[u], maps[v])]
            F.cosine_similarity(small[0].flatten(), small[1].flatten(), dim=0).item()
        gains = 1 + stage.gain * stage.graph(nodes[None], edges)[0, :, :, None, None]
        refined = [each * gain[None] for each, gain in zip(maps, gains, strict=True)]
        return refined[: len(lr)], refined[len(lr) :]
