"""A frame at any time and of any size, from the features of two given frames.

Source: Z. Chen et al., "VideoINR: Learning Video Implicit Neural Representation for Continuous Space-Time
Super-Resolution", 2022, Sec. 3, and the behaviour of its release where the text is silent. SpatialINR makes features
for every output pixel, TemporalINR where to look for it in space at time t, and a third perceptron its colour.

Conventions: those of `sampling`; flows are in output pixels, x before y. Perceptrons work on some rows of the output
at a time: beside the features of one output, memory does not grow with its size.

Deviation from the text, with the release: there are two flows, and both the features of the output and those of the
frames are sampled along each. Along flows the first and the last pixel of a side lie at -1 and 1, half a pixel
further out than where the map that is sampled has them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from harness.networks.videoinr.sampling import centres, corners, moved, offsets, sample
from harness.networks.videoinr.siren import Siren

AT_ONCE = 2**16
"""Output pixels that are worked on at a time: a layer of 256 channels takes 64 MiB."""


class Known(NamedTuple):
    """What all times of a clip have in common: what the first layers read off the features, and the pictures.

    Args:
        spatial: (B, C, h, w), of features and pictures.
        temporal: (B, C, h, w), of features.
        colour: (B, 2, C, h, w), of features along each flow.
        pictures: (B, 6, h', w').
    """

    spatial: Tensor
    temporal: Tensor
    colour: Tensor
    pictures: Tensor

    def split(self, clips: int) -> "list[Known]":
        """So many clips at a time."""
        return [Known(*parts) for parts in zip(*(each.split(clips) for each in self), strict=True)]


class Decoder(nn.Module):
    """Features of two frames to frames.

    Args:
        spatial: SpatialINR.
        temporal: TemporalINR.
        colour: features along both flows to RGB.
    """

    def __init__(self, *, spatial: Siren, temporal: Siren, colour: Siren) -> None:
        super().__init__()
        self.spatial = spatial
        self.temporal = temporal
        self.colour = colour

    def know(self, features: Tensor, pictures: Tensor, seen: Tensor) -> Known:
        """Prepare for any time.

        Args:
            features: (B, F, h, w).
            pictures: (B, 6, h, w), the given frames.
            seen: (B, 6, h', w'), the same in the size in which TemporalINR and the colours look at them.
        """
        return Known(
            spatial=self.spatial.read("features", features) + self.spatial.read("pictures", pictures),
            temporal=self.temporal.read("features", features),
            colour=torch.stack([self.colour.read(f"features_{k}", features) for k in range(2)], dim=1),
            pictures=seen,
        )

    def forward(self, known: Known, times: Tensor, size: tuple[int, int]) -> Tensor:
        """A frame of each clip.

        Args:
            known: of the clips.
            times: (B,), from 0, the first given frame, to 1, the second.
            size: height and width of the frames.

        Returns:
            (B, 3, H, W), not clamped.
        """
        rows = max(1, AT_ONCE // (len(times) * size[1]))
        places = centres(*size, times.device).split(rows, dim=1)
        ends = corners(*size, times.device).split(rows, dim=1)
        features = torch.cat([self.features(known, times, place) for place in places], dim=2)
        colours = []
        for here, place, end in zip(features.split(rows, dim=2), places, ends, strict=True):
            flows = self.flows(known, times, here, place)
            along = [moved(end, flow, size) for flow in flows.chunk(2, dim=1)]
            colours.append(self.colours(known, times, features, along))
        return torch.cat(colours, dim=2)

    def features(self, known: Known, times: Tensor, places: Tensor) -> Tensor:
        """SpatialINR at places (1, R, W, 2): the features of the output there, (B, C, R, W)."""
        read = sample(known.spatial, places, mode="nearest")
        read = read + self.spatial.read("offset", offsets(places, *known.spatial.shape[-2:]))
        found: Tensor = self.spatial(read + self.spatial.at(times))
        return found

    def flows(self, known: Known, times: Tensor, features: Tensor, places: Tensor) -> Tensor:
        """TemporalINR at the same places, given the features there: two flows, (B, 4, R, W), in output pixels."""
        read = self.temporal.read("output", features) + sample(known.temporal, places)
        read = read + self.temporal.read("pictures", sample(known.pictures, places))
        found: Tensor = self.temporal(read + self.temporal.at(times))
        return found

    def colours(self, known: Known, times: Tensor, features: Tensor, along: Sequence[Tensor]) -> Tensor:
        """RGB (B, 3, R, W) of what lies at two grids (B, R, W, 2), in the features of the whole output too."""
        read = self.colour.at(times)
        for k, (given, grid) in enumerate(zip(known.colour.unbind(1), along, strict=True)):
            read = read + self.colour.read(f"output_{k}", sample(features, grid)) + sample(given, grid)
            read = read + self.colour.read(f"pictures_{k}", sample(known.pictures, grid))
        colours: Tensor = self.colour(read)
        return colours
