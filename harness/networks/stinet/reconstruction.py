"""Phase 4: the frames (Sec. III-E).

Deviation from the text, with the release: the LR branch has two more 3x3 convolutions, the last of which makes
the picture.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from harness.networks.stinet.global_refinement import Refined
from harness.networks.stinet.sides import Private
from harness.ops.precision import at_least_float32
from harness.ops.resize import resize


class LRBranch(nn.Module):
    """L^G to V^L.

    Args:
        layers: two pixel shuffles and the picture, (B, C, h, w) to (B, 3, 4h, 4w).
    """

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, features: Tensor, gain: Tensor) -> Tensor:
        """Features (B, C, h, w) and their gain (B, C, 1, 1)."""
        pictures: Tensor = self.layers(features * gain.to(features.dtype))
        return pictures


class HRBranch(nn.Module):
    """H^G to V^H: a 1x1 convolution, each frame's weights times its gain.

    Args:
        head: C channels to 3.
    """

    def __init__(self, head: nn.Conv2d) -> None:
        super().__init__()
        self.head = head

    def forward(self, features: Tensor, gain: Tensor) -> Tensor:
        """Features (B, C, H, W) and their gain (B, C, 1, 1)."""
        weight = self.head.weight.flatten(1) * gain.flatten(2).transpose(1, 2)  # (B, 3, C)
        pictures = (weight @ features.flatten(2)).view(-1, 3, *features.shape[2:])
        return pictures if self.head.bias is None else pictures + self.head.bias.view(-1, 1, 1)


class Reconstruction(nn.Module):
    """V = V^L + V^H, summed in full precision.

    Args:
        branches: features and their gain to the pictures of each side.
    """

    def __init__(self, branches: Private) -> None:
        super().__init__()
        self.branches = branches

    def forward(self, refined: Refined) -> Tensor:
        """Refined features of T frames to (T, B, 3, 4h, 4w)."""
        first, *others = self.branches(refined.features, refined.gain).values()
        frames = at_least_float32(first)
        for other in others:
            frames = frames + other
        return frames


class NoBase(nn.Module):
    """The network makes whole frames, as in the paper."""

    def forward(self, frames: Tensor, times: Sequence[float]) -> None:
        """Nothing to add."""
        del frames, times


class BicubicBase(nn.Module):
    """The network adds to an enlarged clip: bicubic in space, a linear blend in time. Not in the paper.

    Args:
        scale: HR size over LR size.
    """

    def __init__(self, *, scale: int) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, frames: Tensor, times: Sequence[float]) -> Tensor:
        """Given frames (N, B, 3, h, w) to (T, B, 3, 4h, 4w)."""
        with_blends = [frames[:-1], *((1 - t) * frames[:-1] + t * frames[1:] for t in times)]
        ordered = torch.cat((torch.stack(with_blends, dim=1).flatten(0, 1), frames[-1:]))
        return resize(at_least_float32(ordered), scale=self.scale)
