"""Phase 2: ST-LR, spatial-temporal local refinement (Sec. III-C, Fig. 4).

Every frame's features are refined by those of its two neighbours in time, which are aligned to it by deformable
convolutions; at the ends of the sequence a frame is its own neighbour. The offset features s of the LR and the HR
side meet in Inet. All frames and, where layers allow, both sides and both directions go through in one call.

Deviations from the text, with the release: one set of convolutions serves both sides; HR features are reduced,
aligned at LR size and enlarged again; Inet does not concatenate its input; the result is added to the features;
deformable convolutions have masks. Options bring the first three back (see `options`).
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from harness.networks.layers.convolutions import SLOPE
from harness.networks.layers.deformable import DeformableConvolution
from harness.networks.layers.sequences import earlier, in_order, later, per_map
from harness.networks.stinet.sides import PerSide, Private, Sides


class NeighbourLayer(nn.Module):
    """The first layers of both directions' offset features, on (neighbour, frame), for all frames at once.

    A convolution of a concatenation is the sum of two, so that every frame is convolved once for all the places
    that it takes: neighbour and centre, in both directions.

    Args:
        past: convolution of (earlier frame, frame), 2C channels to C.
        future: convolution of (later frame, frame).
    """

    def __init__(self, *, past: nn.Conv2d, future: nn.Conv2d) -> None:
        super().__init__()
        self.past = past
        self.future = future

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, H, W) to (B, 4C, H, W): as earlier frame, as centre, as later frame, as centre."""
        weight = torch.cat((*self.past.weight.chunk(2, dim=1), *self.future.weight.chunk(2, dim=1)))
        past, future = self.past.get_parameter("bias"), self.future.get_parameter("bias")
        bias = torch.cat((torch.zeros_like(past), past, torch.zeros_like(future), future))  # with the centres
        return F.conv2d(maps, weight, bias, padding=1)


class OffsetFeatures(nn.Module):
    """s of both directions, from the features of a side: two convolutions each.

    Args:
        sides: that predict offset features.
        first: `NeighbourLayer` of the sides.
        past: activation and second convolution, (B, C, H, W) to the same, of the direction from the frame before.
        future: of the direction from the frame after.
    """

    def __init__(self, *, sides: Sequence[str], first: PerSide, past: PerSide, future: PerSide) -> None:
        super().__init__()
        self.sides = tuple(sides)
        self.first = first
        self.past = past
        self.future = future

    def forward(self, features: Sides) -> tuple[Sides, Sides]:
        """Features (T, B, C, H, W) to s_{t-1 -> t} and s_{t+1 -> t}, the same shape."""
        past, future = {}, {}
        for side, parts in self.first({side: features[side] for side in self.sides}).items():
            as_earlier, in_past, as_later, in_future = parts.chunk(4, dim=-3)
            # Added before they are joined: parts of channels are slow to join.
            past[side] = in_order((as_earlier[:1] + in_past[:1], as_earlier[:-1] + in_past[1:]))
            future[side] = in_order((as_later[1:] + in_future[:-1], as_later[-1:] + in_future[-1:]))
        return self.past(past), self.future(future)


class Interaction(nn.Module):
    """Inet: the offset features of both sides in one layer, then a layer for each side.

    Args:
        meet: the offset features of both sides, (B, C, h, w) each, to what they have in common.
        sides: what has met to the offset features of each side; with `concatenated`, what has met and the side's
            own offset features, as in the text.
        concatenated: see `sides`.
    """

    def __init__(self, *, meet: nn.Module, sides: Private, concatenated: bool) -> None:
        super().__init__()
        self.meet = meet
        self.sides = sides
        self.concatenated = concatenated

    def forward(self, offsets: Sides) -> Sides:
        """Offset features of both sides, (T, B, C, h, w), to the refined ones."""
        met = dict.fromkeys(self.sides, per_map(self.meet, offsets["lr"], offsets["hr"]))
        refined: Sides = self.sides(met, offsets) if self.concatenated else self.sides(met)
        return refined


class NoInteraction(nn.Module):
    """Each side keeps its own offset features; a side that predicts none takes those of the other.

    Args:
        sides: that are to be aligned.
    """

    def __init__(self, sides: Sequence[str]) -> None:
        super().__init__()
        self.sides = tuple(sides)

    def forward(self, offsets: Sides) -> Sides:
        """Offset features of the sides that predict them to those of all sides."""
        (only, *_) = offsets.values()
        return {side: offsets.get(side, only) for side in self.sides}


class Alignment(nn.Module):
    """A neighbour's features towards a frame, by deformable convolution.

    Where the features are larger than the offset features (`local_hr_alignment = "hr"`), these are enlarged, and the
    offsets with them: they count in LR pixels.

    Args:
        deform: the deformable convolution.
    """

    def __init__(self, deform: DeformableConvolution) -> None:
        super().__init__()
        self.deform = deform

    def forward(self, neighbours: Tensor, offset_features: Tensor) -> Tensor:
        """Features (B, C, H, W) and refined offset features (B, C, h, w) to aligned features (B, C, H, W)."""
        scale = neighbours.shape[-1] // offset_features.shape[-1]
        if scale > 1:
            offset_features = F.interpolate(offset_features, scale_factor=scale, mode="bilinear", align_corners=False)
        return leaky_relu(self.deform(neighbours, offset_features, offset_scale=scale), SLOPE)


class LocalRefinement(nn.Module):
    """The stage that refines frames by their neighbours.

    Args:
        offset_features: s, from the features of a neighbour and a frame.
        reduce_offsets: HR offset features to LR size.
        interaction: Inet.
        reduce: features to the size at which they are aligned.
        past: alignment of the frame before.
        future: alignment of the frame after.
        enlarge: aligned features back to the size of their side.
        fuse: aligned past, present, aligned future, (B, C, H, W) each, to (B, C, H, W).
    """

    def __init__(
        self,
        *,
        offset_features: OffsetFeatures,
        reduce_offsets: Private,
        interaction: nn.Module,
        reduce: Private,
        past: PerSide,
        future: PerSide,
        enlarge: Private,
        fuse: PerSide,
    ) -> None:
        super().__init__()
        self.offset_features = offset_features
        self.reduce_offsets = reduce_offsets
        self.interaction = interaction
        self.reduce = reduce
        self.past = past
        self.future = future
        self.enlarge = enlarge
        self.fuse = fuse

    def forward(self, features: Sides) -> Sides:
        """The refined features of all frames, (T, B, C, ...) by side."""
        s_past, s_future = self._offsets(features)
        reduced = self.reduce(features)
        before = self.past({side: earlier(maps) for side, maps in reduced.items()}, s_past)
        after = self.future({side: later(maps) for side, maps in reduced.items()}, s_future)
        aligned = self.enlarge({side: in_order((before[side], after[side])) for side in features})
        before, after = _halves(aligned)
        residual = self.fuse(before, features, after)
        return {side: maps + residual[side] for side, maps in features.items()}

    def _offsets(self, features: Sides) -> tuple[Sides, Sides]:
        """The refined offset features of both directions, which pass Inet together."""
        past, future = self.offset_features(features)
        refined = self.interaction(self.reduce_offsets({side: in_order((past[side], future[side])) for side in past}))
        return _halves(refined)


def _halves(sides: Sides) -> tuple[Sides, Sides]:
    """Sequences of both directions, one after the other, (2T, B, ...), as two of (T, B, ...)."""
    halves = {side: maps.chunk(2) for side, maps in sides.items()}
    return {side: half[0] for side, half in halves.items()}, {side: half[1] for side, half in halves.items()}
