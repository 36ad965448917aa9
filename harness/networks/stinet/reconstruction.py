"""Phase 4: the frames (Sec. III-E), and the pictures by which phase 1 is trained (Sec. III-B, end).

Deviation from the text, with the release: the LR branch has two more 3x3 convolutions, the last of which makes
the picture, and the heads of phase 1 are 3x3 instead of 1x1.
"""

from torch import Tensor, nn

from harness.networks.stinet.features import Features, per_map


class Reconstruction(nn.Module):
    """V = V^L + V^H.

    Args:
        lr_branch: (B, C, h, w) to V^L (B, 3, 4h, 4w).
        hr_branch: (B, C, 4h, 4w) to V^H, the same shape.
    """

    def __init__(self, *, lr_branch: nn.Module, hr_branch: nn.Module) -> None:
        super().__init__()
        self.lr_branch = lr_branch
        self.hr_branch = hr_branch

    def forward(self, features: Features) -> Tensor:
        """Features of T frames to (B, T, 3, 4h, 4w)."""
        return per_map(self.lr_branch, features.lr) + per_map(self.hr_branch, features.hr)


class PhaseOneHeads(nn.Module):
    """Features of phase 1 to LR and HR pictures, which the loss compares with the ground truth."""

    def __init__(self, *, lr_head: nn.Module, hr_head: nn.Module) -> None:
        super().__init__()
        self.lr_head = lr_head
        self.hr_head = hr_head

    def forward(self, features: Features) -> Features:
        """Pictures of three channels in the place of features."""
        return Features(lr=per_map(self.lr_head, features.lr), hr=per_map(self.hr_head, features.hr))
