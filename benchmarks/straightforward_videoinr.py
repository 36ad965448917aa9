"""VideoINR's decoder as it is told: what `bench_videoinr` and tests compare with.

Written from a description of what the release computes, on its own names of the weights; of the harness it takes
nothing. Each perceptron sees the whole concatenation of its inputs, sampled at every pixel of the output at once.
"""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

EDGE = 1 - 1e-6


class StraightforwardDecoder:
    """The decoder of one state dict, of the authors' names.

    Args:
        state: the weights.
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self.state = state

    def __call__(
        self, features: Tensor, frames: Tensor, times: Sequence[float], size: tuple[int, int], *, enlarge: bool = True
    ) -> Tensor:
        """One clip.

        Args:
            features: (1, 3 C, h, w).
            frames: (1, 2, 3, h, w).
            times: K of them.
            size: of the result.
            enlarge: look at the frames four times larger.

        Returns:
            (1, K, 3, H, W).
        """
        pictures = frames.flatten(1, 2)
        big = F.interpolate(pictures, scale_factor=4, mode="bilinear") if enlarge else pictures
        return torch.stack([self.frame(features, pictures, big, time, size) for time in times], dim=1)

    def frame(self, features: Tensor, pictures: Tensor, big: Tensor, time: float, size: tuple[int, int]) -> Tensor:
        height, width = size
        places = centre_grid(*size)
        when = torch.full((1, 1, height, width), time)
        nearest = at(centre_grid(*features.shape[-2:]).permute(0, 3, 1, 2), places, "nearest")
        apart = places.permute(0, 3, 1, 2) - nearest
        rel_y, rel_x = apart[:, 1:] * features.shape[-2], apart[:, :1] * features.shape[-1]
        seen = [at(features, places, "nearest"), at(pictures, places, "nearest"), rel_y, rel_x, when]
        fine = self.perceptron("feat_imnet", seen)
        flows = self.perceptron("flow_imnet", [fine, at(features, places), at(big, places), when])
        rows = -1 + 2 * torch.arange(height) / (height - 1)
        columns = -1 + 2 * torch.arange(width) / (width - 1)
        grids = []
        for u, v in (flows[:, :2].unbind(1), flows[:, 2:].unbind(1)):
            x = columns + u / ((width - 1) / 2)
            y = rows.view(-1, 1) + v / ((height - 1) / 2)
            grids.append(torch.stack((x, y), dim=-1).clamp(-EDGE, EDGE))
        seen = [at(maps, grid) for maps in (fine, features, big) for grid in grids]
        return self.perceptron("encode_imnet", [*seen, when])

    def perceptron(self, name: str, maps: Sequence[Tensor]) -> Tensor:
        pixels = torch.cat(list(maps), dim=1).permute(0, 2, 3, 1)
        layers = sum(key.startswith(name) for key in self.state) // 2
        for k in range(layers - 1):
            pixels = torch.sin(30 * F.linear(pixels, *self.layer(f"{name}.net.{k}.linear")))
        return F.linear(pixels, *self.layer(f"{name}.net.{layers - 1}")).permute(0, 3, 1, 2)

    def layer(self, name: str) -> tuple[Tensor, Tensor]:
        return self.state[f"{name}.weight"], self.state[f"{name}.bias"]


def centre_grid(height: int, width: int) -> Tensor:
    """(1, H, W, 2), x before y."""
    y, x = (-1 + (2 * torch.arange(side) + 1) / side for side in (height, width))
    grid = torch.stack((x.expand(height, -1), y.unsqueeze(1).expand(-1, width)), dim=-1)
    return grid.clamp(-EDGE, EDGE).unsqueeze(0)


def at(maps: Tensor, grid: Tensor, mode: str = "bilinear") -> Tensor:
    return F.grid_sample(maps, grid, mode=mode, padding_mode="zeros", align_corners=False)
