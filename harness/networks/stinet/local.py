"""Phase 2: ST-LR, spatial-temporal local refinement (Sec. III-C, Fig. 4).

Every frame's features are refined by those of its two neighbours in time, which are aligned to it by deformable
convolutions; at the ends of the sequence a frame is its own neighbour. The offset features of the LR and the HR
side meet in Inet. All frames, both sides and, where layers allow, both directions go through in one call.

Deviations from the text, with the release: one set of convolutions serves both sides; HR features are reduced,
aligned at LR size and enlarged again; Inet does not concatenate its input; the result is added to the features.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from harness.networks.layers.convolutions import SLOPE
from harness.networks.stinet.features import Features, per_map


class Direction(nn.Module):
    """What one direction in time has of its own.

    Args:
        offset_features: s, from a neighbour's and a frame's features, (B, 2C, H, W) to (B, C, H, W).
        align: deformable convolution, a neighbour's features and refined offset features to aligned features.
    """

    def __init__(self, *, offset_features: nn.Module, align: nn.Module) -> None:
        super().__init__()
        self.offset_features = offset_features
        self.align = align


class Interaction(nn.Module):
    """Inet: the offset features of both sides in one layer, then a layer for each side."""

    def __init__(self, *, meet: nn.Module, lr: nn.Module, hr: nn.Module) -> None:
        super().__init__()
        self.meet = meet
        self.lr = lr
        self.hr = hr

    def forward(self, lr: Tensor, hr: Tensor) -> tuple[Tensor, Tensor]:
        """Two (B, C, h, w) to the same shapes."""
        met: Tensor = self.meet(torch.cat((lr, hr), dim=1))
        return self.lr(met), self.hr(met)


class NoInteraction(nn.Module):
    """Each side keeps its own offset features (Table IV, "ST-LR w/o Inet")."""

    def forward(self, lr: Tensor, hr: Tensor) -> tuple[Tensor, Tensor]:
        """Both as they are."""
        return lr, hr


class LocalRefinement(nn.Module):
    """The stage that refines frames by their neighbours.

    Args:
        past: the direction from the frame before.
        future: the direction from the frame after.
        reduce_offsets: HR offset features to LR size.
        interaction: Inet.
        reduce: HR features to LR size.
        enlarge: aligned HR features back to HR size.
        fuse: aligned past, present, aligned future, (B, 3C, H, W) to (B, C, H, W).
    """

    def __init__(
        self,
        *,
        past: Direction,
        future: Direction,
        reduce_offsets: nn.Module,
        interaction: nn.Module,
        reduce: nn.Module,
        enlarge: nn.Module,
        fuse: nn.Module,
    ) -> None:
        super().__init__()
        self.past = past
        self.future = future
        self.reduce_offsets = reduce_offsets
        self.interaction = interaction
        self.reduce = reduce
        self.enlarge = enlarge
        self.fuse = fuse

    def forward(self, features: Features) -> Features:
        """The refined features of all frames."""
        lr_offsets, hr_offsets = self._offsets(features)
        small_hr = per_map(self.reduce, features.hr)
        sides = torch.stack((features.lr, small_hr))
        before = _align(self.past, _previous(sides), torch.stack((lr_offsets[0], hr_offsets[0])))
        after = _align(self.future, _next(sides), torch.stack((lr_offsets[1], hr_offsets[1])))
        hr_before, hr_after = per_map(self.enlarge, torch.stack((before[1], after[1])))
        return Features(
            lr=features.lr + per_map(self.fuse, torch.cat((before[0], features.lr, after[0]), dim=-3)),
            hr=features.hr + per_map(self.fuse, torch.cat((hr_before, features.hr, hr_after), dim=-3)),
        )

    def _offsets(self, features: Features) -> tuple[Tensor, Tensor]:
        """The refined offset features of the LR and of the HR side, each (past and future, B, T, C, h, w)."""
        lr = self._both_directions(features.lr)
        hr = per_map(self.reduce_offsets, self._both_directions(features.hr))
        lr_met, hr_met = self.interaction(lr.flatten(0, 2), hr.flatten(0, 2))
        return lr_met.unflatten(0, lr.shape[:3]), hr_met.unflatten(0, lr.shape[:3])

    def _both_directions(self, maps: Tensor) -> Tensor:
        past = torch.cat((_previous(maps), maps), dim=-3)
        future = torch.cat((_next(maps), maps), dim=-3)
        return torch.stack((per_map(self.past.offset_features, past), per_map(self.future.offset_features, future)))


def _align(direction: Direction, neighbours: Tensor, offset_features: Tensor) -> Tensor:
    """Both (sides, B, T, C, h, w), to aligned features of the same shape."""
    aligned: Tensor = direction.align(neighbours.flatten(0, 2), offset_features.flatten(0, 2))
    return leaky_relu(aligned, SLOPE).reshape(neighbours.shape)


def _previous(maps: Tensor) -> Tensor:
    """(..., T, C, H, W): of every frame the one before; of the first itself."""
    return torch.cat((maps[..., :1, :, :, :], maps[..., :-1, :, :, :]), dim=-4)


def _next(maps: Tensor) -> Tensor:
    """(..., T, C, H, W): of every frame the one after; of the last itself."""
    return torch.cat((maps[..., 1:, :, :, :], maps[..., -1:, :, :, :]), dim=-4)
