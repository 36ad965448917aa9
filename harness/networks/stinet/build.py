"""From options to a network: the one place that knows sizes and which module stands for which option."""

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import torch
from torch import nn

from harness.networks.dbpn import dbpn_features
from harness.networks.layers.conv_lstm import BidirectionalConvLSTM
from harness.networks.layers.convolutions import (
    ActivatedBlock,
    activated_blocks,
    activation,
    conv,
    down,
    pointwise,
    up,
)
from harness.networks.layers.deformable import DeformableConvolution, stand_still
from harness.networks.layers.reconstruction import picture_layers
from harness.networks.layers.start import start_values
from harness.networks.stinet.blocks import Concatenation, SplitConvolution
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
from harness.networks.stinet.global_refinement import (
    GraphRefinement,
    GraphSage,
    NoGlobalRefinement,
    RecurrentRefinement,
)
from harness.networks.stinet.initialisation import Initialisation
from harness.networks.stinet.interpolation import (
    Entry,
    FlowAdaption,
    Interpolation,
    KeepBlocks,
    Motion,
    NoMotion,
    adapted_flows,
    raw_flows,
)
from harness.networks.stinet.local import (
    Alignment,
    Interaction,
    LocalRefinement,
    NeighbourLayer,
    NoInteraction,
    OffsetFeatures,
)
from harness.networks.stinet.network import STINet
from harness.networks.stinet.options import STINetOptions
from harness.networks.stinet.reconstruction import BicubicBase, HRBranch, LRBranch, NoBase, Reconstruction
from harness.networks.stinet.sides import PerSide, Private, Shared
from harness.ops.resampling_conv import Enlarge

SCALE = 4
DEFORMABLE_GROUPS = 8

FLOWS: dict[str, FlowAdaption] = {"adapted": adapted_flows, "raw": raw_flows}
TOPOLOGIES: dict[str, Topology] = {"causal": causal_graph, "full": full_graph}

Make = Callable[[], nn.Module]


def build_stinet(
    options: STINetOptions | None = None,
    *,
    train_super_resolution: bool = False,
    offset_init: Literal["zero", "kaiming"] = "zero",
    phase_1_heads: bool = True,
) -> STINet:
    """An untrained network, in memory channels last.

    Args:
        options: which STINet; default the paper's.
        train_super_resolution: whether S-SR learns too; the paper's recipe freezes it after its own training.
        offset_init: whether deformable sampling starts where it stands. In the release the offset convolutions get
            Kaiming values like all others, it seems by oversight, and sampling starts some 30 pixels off. A loaded
            checkpoint does not feel the difference.
        phase_1_heads: whether pictures of phase 1 can be made; a network that is a part of another makes none.
    """
    options = options or STINetOptions()
    network = Stages(options).network()
    if not phase_1_heads:
        network.phase_1_heads = Private({})
    start_values(network)
    if offset_init == "zero":
        stand_still(network)
    if options.base != "none":
        _start_from_the_base(network)
    network.initialisation.super_resolution.requires_grad_(train_super_resolution)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


class Stages:
    """The stages of one network, each made by the method of its name.

    Other networks take single ones (Table VI).
    """

    def __init__(self, options: STINetOptions) -> None:
        self.options = options
        self.channels = options.channels

    def network(self) -> STINet:
        local_refinement = self.local_refinement()
        return STINet(
            initialisation=self.initialisation(),
            interpolation=self.interpolation(),
            local_refinement=local_refinement,
            global_refinement=self.global_refinement(local_refinement),
            reconstruction=self.reconstruction(),
            base=BicubicBase(scale=SCALE) if self.options.base == "bicubic" else NoBase(),
            phase_1_heads=self.sides(lr=lambda: conv(self.channels, 3), hr=lambda: conv(self.channels, 3)),
        )

    # -- how layers serve the sides

    def sides(
        self, *, lr: Make = nn.Identity, hr: Make = nn.Identity, only: tuple[str, ...] | None = None
    ) -> Private:
        """What each side has of its own, of the sides that exist or of some of them."""
        made = {"lr": lr, "hr": hr}
        return Private({side: made[side]() for side in only or self.options.sides})

    def per_side(self, make: Make, *, shared: bool, only: tuple[str, ...] | None = None) -> PerSide:
        """One module for all sides, or one of the same kind for each."""
        return Shared(make()) if shared else self.sides(lr=make, hr=make, only=only)

    # -- phase 1

    def initialisation(self) -> Initialisation:
        c = self.channels
        return Initialisation(
            super_resolution=dbpn_features(stages=self.options.super_resolution_stages, channels=c),
            sides=self.sides(lr=lambda: nn.Sequential(ActivatedBlock(c), down(c, c))),
        )

    def interpolation(self) -> Interpolation:
        c = self.channels
        skip: nn.Module = KeepBlocks()
        if self.options.interpolation_skip == "concat":
            skip = self.sides(
                lr=lambda: Concatenation(pointwise(2 * c, c)), hr=lambda: Concatenation(pointwise(2 * c, c))
            )
        return Interpolation(
            motion=self.motion(),
            entry={side: self.entry(side) for side in self.options.sides},
            joint=self.per_side(self.blocks, shared=self.options.interpolation_shared),
            skip=skip,
            last=self.sides(
                lr=lambda: nn.Sequential(ActivatedBlock(c), down(c, c)),
                hr=lambda: nn.Sequential(ActivatedBlock(c), conv(c, c), activation()),
            ),
        )

    def motion(self) -> nn.Module:
        if self.options.flow == "none":
            return NoMotion()
        c, half = self.channels, self.channels // 2
        layers = [
            conv(4, half),
            activation(),
            ActivatedBlock(half),
            ActivatedBlock(half),
            conv(half, c),
            activation(),
        ]
        return Motion(
            adapt=FLOWS[self.options.flow],
            layers=nn.Sequential(*layers),
            sides=self.sides(hr=lambda: nn.Upsample(scale_factor=SCALE, mode="bilinear", align_corners=True)),
        )

    def entry(self, side: str) -> Entry:
        c = self.channels
        parts = 2 if self.options.flow == "none" else 3  # the frames before and after, and the motion
        if side == "lr":
            rest = nn.Sequential(activation(first=True), ActivatedBlock(c))
            return Entry(first=SplitConvolution(Enlarge(parts * c, c), parts=parts), rest=rest)
        return Entry(first=SplitConvolution(conv(parts * c, c), parts=parts), rest=activation(first=True))

    def blocks(self) -> nn.Module:
        return nn.Sequential(*activated_blocks(self.channels, count=self.options.interpolation_blocks))

    # -- phase 2

    def local_refinement(self) -> nn.Module:
        if not self.options.local_refinement:
            return nn.Identity()
        c, shared = self.channels, self.options.local_shared
        small = self.options.local_hr_alignment == "lr"
        return LocalRefinement(
            offset_features=self.offset_features(),
            reduce_offsets=self.sides(hr=lambda: down(c, c), only=self.options.offset_sides),
            interaction=self.interaction(),
            reduce=self.sides(hr=lambda: down(c, c) if small else nn.Identity()),
            past=self.per_side(self.alignment, shared=shared),
            future=self.per_side(self.alignment, shared=shared),
            enlarge=self.sides(hr=lambda: up(c, c) if small else nn.Identity()),
            fuse=self.per_side(self.fusion, shared=shared),
        )

    def offset_features(self) -> OffsetFeatures:
        c, shared, sides = self.channels, self.options.local_shared, self.options.offset_sides

        def second() -> PerSide:
            return self.per_side(lambda: nn.Sequential(activation(first=True), conv(c, c)), shared=shared, only=sides)

        return OffsetFeatures(
            sides=sides,
            first=self.per_side(
                lambda: NeighbourLayer(past=conv(2 * c, c), future=conv(2 * c, c)), shared=shared, only=sides
            ),
            past=second(),
            future=second(),
        )

    def interaction(self) -> nn.Module:
        c = self.channels
        if not self.options.interacts:
            return NoInteraction(self.options.sides)
        if self.options.local_interaction == "simple":
            sides = self.sides(lr=lambda: pointwise(c, c), hr=lambda: pointwise(c, c))
        else:
            sides = self.sides(
                lr=lambda: Concatenation(pointwise(2 * c, c)), hr=lambda: Concatenation(pointwise(2 * c, c))
            )
        concatenated = self.options.local_interaction == "concat"
        return Interaction(meet=Concatenation(pointwise(2 * c, c)), sides=sides, concatenated=concatenated)

    def alignment(self) -> nn.Module:
        return Alignment(DeformableConvolution(self.channels, groups=DEFORMABLE_GROUPS))

    def fusion(self) -> nn.Module:
        wide = 3 * self.channels  # past, present, future
        layers = [layer for _ in range(3) for layer in (pointwise(wide, wide), activation())]
        return Concatenation(nn.Sequential(*layers, pointwise(wide, self.channels)))

    # -- phase 3

    def global_refinement(self, local_refinement: nn.Module) -> nn.Module:
        if self.options.global_refinement == "none":
            return NoGlobalRefinement()
        if self.options.global_refinement == "bdconvlstm":
            lstm = BidirectionalConvLSTM(self.channels, groups=DEFORMABLE_GROUPS)
            if isinstance(local_refinement, LocalRefinement):
                return RecurrentRefinement(lstm, reduce=local_refinement.reduce, enlarge=local_refinement.enlarge)
            return RecurrentRefinement(lstm, reduce=self.sides(), enlarge=self.sides())  # LR features alone
        return self.graph()

    def graph(self) -> GraphRefinement:
        hidden = 4 * self.channels
        sizes = (self.channels, hidden, hidden, hidden, self.channels)
        graph = GraphSage([nn.Linear(a, b) for a, b in pairwise(sizes)])
        return GraphRefinement(edges=self.edges(), graph=graph, gain=self.options.graph_gain)

    def edges(self) -> nn.Module:
        topology = TOPOLOGIES[self.options.graph_edges]
        if self.options.graph_weights == "none":
            return PlainEdges(topology)
        attributes: list[tuple[bool, type[nn.Module]]] = [
            (self.options.graph_frame_similarity, FrameSimilarity),
            (self.options.graph_pixel_similarity, PixelSimilarity),
            (self.options.graph_temporal_closeness, TemporalCloseness),
        ]
        return EdgeAttributes(topology, [attribute() for wanted, attribute in attributes if wanted])

    # -- phase 4

    def reconstruction(self) -> Reconstruction:
        c = self.channels
        return Reconstruction(
            self.sides(lr=lambda: LRBranch(picture_layers(c)), hr=lambda: HRBranch(pointwise(c, 3)))
        )


def _start_from_the_base(network: STINet) -> None:
    """Nothing is added to the base at first: the layers that make pictures are zero."""
    for branch in network.reconstruction.branches.values():
        *_, last = (module for module in branch.modules() if isinstance(module, nn.Conv2d))
        nn.init.zeros_(last.weight)
