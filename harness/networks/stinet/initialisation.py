"""Phase 1, first half: LR and HR features of the given frames (Sec. III-A).

The text says that S-SR [41] makes both from a frame. In the release, and here, S-SR makes the HR features, and
the LR features are the HR ones reduced by a residual block and a convolution of stride four.
"""

from torch import Tensor, nn

from harness.networks.layers.sequences import per_map
from harness.networks.stinet.sides import Private, Sides


class Initialisation(nn.Module):
    """Frames to features, each frame by itself.

    Args:
        super_resolution: S-SR, a frame (B, 3, h, w) to H (B, C, 4h, 4w).
        sides: H to the features of each side that the network has: L (B, C, h, w), and H as it is.
    """

    def __init__(self, *, super_resolution: nn.Module, sides: Private) -> None:
        super().__init__()
        self.super_resolution = super_resolution
        self.sides = sides

    def forward(self, frames: Tensor) -> Sides:
        """Frames (N, B, 3, h, w) to the features of the given frames, (N, B, C, ...)."""
        hr = per_map(self.super_resolution, frames, grows=16)
        initial: Sides = self.sides(dict.fromkeys(self.sides, hr))
        return initial
