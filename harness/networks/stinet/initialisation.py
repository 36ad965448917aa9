"""Phase 1, first half: LR and HR features of the given frames (Sec. III-A).

The text says that S-SR [41] makes both from a frame. In the release, and here, S-SR makes the HR features, and
the LR features are the HR ones reduced by a residual block and a convolution of stride four.
"""

from torch import Tensor, nn

from harness.networks.stinet.features import Features, per_map


class Initialisation(nn.Module):
    """Frames to features, each frame by itself.

    Args:
        super_resolution: S-SR, a frame (B, 3, h, w) to H (B, C, 4h, 4w).
        to_lr: H to L (B, C, h, w).
    """

    def __init__(self, *, super_resolution: nn.Module, to_lr: nn.Module) -> None:
        super().__init__()
        self.super_resolution = super_resolution
        self.to_lr = to_lr

    def forward(self, frames: Tensor) -> Features:
        """Frames (B, N, 3, h, w) to the features of the given frames."""
        hr = per_map(self.super_resolution, frames)
        return Features(lr=per_map(self.to_lr, hr), hr=hr)
