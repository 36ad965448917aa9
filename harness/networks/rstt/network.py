"""RSTT: encoders make dictionaries of four frames at four sizes, decoders look up seven frames in them.

Source: Z. Geng, L. Liang, T. Ding, I. Zharkov, "RSTT: Real-time Spatial Temporal Transformer for Space-Time Video
Super-Resolution", 2022, Sec. 3, and the behaviour of its release where the text is silent.

Conventions: frames are RGB in [0, 1]; nothing is subtracted or clamped. Exactly four frames go in and seven come out.
Any height and width from 1: features are filled up with zeros to multiples of eight at the right and at the bottom,
and cropped. Inside, maps are (B, D, H, W, C), channels last, D frames; convolutions see each frame by itself. Clips
of a batch do not see each other.

All frames and all windows are one batch: the only loop is that over the blocks. Nothing waits for the device, and
torch.compile makes one graph of it.

Deviation: the release stops at frames smaller than 25 pixels, because its windows shrink with them; here windows are
filled up. Its last, unused reduction (147,552 parameters) is left out.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import DataError
from harness.networks.layers.sequences import per_map
from harness.networks.rstt.blocks import Cuts

GIVEN = 4
MADE = 2 * GIVEN - 1


class RSTT(nn.Module):
    """Four frames to seven, four times larger.

    Args:
        features: frames to features, (B, 3, h, w) to (B, C, h, w).
        reduce: what leads to the size of each encoder, the first: nothing.
        encoders: features to the dictionary of their size.
        enlarge: what leads to the size of each decoder, the first: nothing.
        decoders: queries, looked up in the dictionary of their size.
        tail: features to pictures, (B, C, h, w) to (B, 3, 4h, 4w).
    """

    def __init__(
        self,
        *,
        features: nn.Module,
        reduce: Sequence[nn.Module],
        encoders: Sequence[nn.Module],
        enlarge: Sequence[nn.Module],
        decoders: Sequence[nn.Module],
        tail: nn.Module,
    ) -> None:
        super().__init__()
        self.features = features
        self.reduce = nn.ModuleList(reduce)
        self.encoders = nn.ModuleList(encoders)
        self.enlarge = nn.ModuleList(enlarge)
        self.decoders = nn.ModuleList(decoders)
        self.tail = tail

    def forward(self, frames: Tensor) -> Tensor:
        """Upscale in space and time.

        Args:
            frames: (B, 4, 3, h, w), RGB in [0, 1].

        Returns:
            (B, 7, 3, 4h, 4w), not clamped, in the order of time.

        Raises:
            DataError: frames of another shape or number.
        """
        _check(frames)
        height, width = frames.shape[-2:]
        maps = _filled_up(_on_frames(self.features, frames.movedim(2, -1)), multiple=2 ** (len(self.encoders) - 1))
        dictionaries, cuts = self.encode(maps)
        queries = between(dictionaries[-1])
        features = self.decode(queries, dictionaries, cuts)
        return per_map(self.tail, features[:, :, :height, :width].movedim(-1, 2), grows=16) + enlarged(frames)

    def encode(self, maps: Tensor) -> tuple[list[Tensor], list[Cuts]]:
        """Features (B, 4, H, W, C) to the dictionaries, from the largest, and how maps of these sizes are cut."""
        dictionaries, cuts = [], []
        for reduce, encoder in zip(self.reduce, self.encoders, strict=True):
            maps = _on_frames(reduce, maps)
            cuts.append(Cuts.of(maps))
            maps = encoder(maps, cuts[-1])
            dictionaries.append(maps)
        return dictionaries, cuts

    def decode(self, queries: Tensor, dictionaries: Sequence[Tensor], cuts: Sequence[Cuts]) -> Tensor:
        """Queries of the smallest size to features (B, 7, H, W, C) of the largest."""
        sizes = zip(reversed(dictionaries), reversed(cuts), strict=True)
        for enlarge, decoder, (dictionary, cut) in zip(self.enlarge, self.decoders, sizes, strict=True):
            queries = decoder(_on_frames(enlarge, queries), dictionary, cut)
        return queries


def between(maps: Tensor) -> Tensor:
    """The queries: maps (B, N, H, W, C), and between every two of them their mean, (B, 2N - 1, H, W, C)."""
    means = (maps[:, :-1] + maps[:, 1:]) / 2
    return torch.cat((torch.stack((maps[:, :-1], means), dim=2).flatten(1, 2), maps[:, -1:]), dim=1)


def enlarged(frames: Tensor) -> Tensor:
    """What the network adds to: frames (B, 4, 3, h, w), trilinearly (B, 7, 3, 4h, 4w).

    The extent of four frames becomes that of seven, edges to edges: the given frames are not kept as they are.
    """
    height, width = frames.shape[-2:]
    size = (MADE, 4 * height, 4 * width)
    return F.interpolate(frames.transpose(1, 2), size=size, mode="trilinear", align_corners=False).transpose(1, 2)


def _on_frames(module: nn.Module, maps: Tensor) -> Tensor:
    """A module for (B, C, H, W) on (B, D, H, W, C), whose memory is that of maps channels last."""
    out: Tensor = module(maps.flatten(0, 1).movedim(-1, 1))
    made: Tensor = out.movedim(1, -1).unflatten(0, maps.shape[:2])
    return made


def _filled_up(maps: Tensor, *, multiple: int) -> Tensor:
    height, width = maps.shape[2:4]
    return F.pad(maps, (0, 0, 0, -width % multiple, 0, -height % multiple))


def _check(frames: Tensor) -> None:
    if frames.ndim != 5 or frames.shape[1:3] != (GIVEN, 3):
        raise DataError(
            f"RSTT takes {GIVEN} frames, (B, {GIVEN}, 3, h, w).",
            found=str(tuple(frames.shape)),
            todo=f"cut the clip into windows of {GIVEN} input frames",
        )
