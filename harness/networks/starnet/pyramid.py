"""Residual blocks at three sizes that hand each other what they see: the core of the correction of H_t.

The paper does not describe these layers; they are the release's.
"""

from torch import Tensor, nn

from harness.networks.layers.convolutions import ActivatedBlock, activation, conv

ROUNDS = 3
"""How often all three sizes are visited; the finest two are visited once more, the finest twice."""


class ThreeSizes(nn.Module):
    """Features of the full size, of half of it and of a quarter; maps are added where they meet.

    Args:
        channels: at the full size; twice and four times as many at the smaller ones.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fine = nn.ModuleList(ActivatedBlock(channels) for _ in range(ROUNDS + 2))
        self.middle = nn.ModuleList(ActivatedBlock(2 * channels) for _ in range(ROUNDS + 1))
        self.coarse = nn.ModuleList(ActivatedBlock(4 * channels) for _ in range(ROUNDS))
        self.fine_to_middle = _halve(channels)
        self.middle_to_coarse = _halve(2 * channels)
        self.middle_to_fine = _double(2 * channels)
        self.coarse_to_middle = _double(4 * channels)
        self.last = nn.Sequential(conv(channels, channels), activation())

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W), both sides multiples of four, to the same shape."""
        fine = self.fine[0](features)
        middle = self.middle[0](self.fine_to_middle(fine))
        coarse = self.coarse[0](self.middle_to_coarse(middle))
        for k in range(1, ROUNDS):
            fine = self.fine[k](fine + self.middle_to_fine(middle))
            middle = self.middle[k](middle + self.fine_to_middle(fine) + self.coarse_to_middle(coarse))
            coarse = self.coarse[k](coarse + self.middle_to_coarse(middle))
        fine = self.fine[ROUNDS](fine + self.middle_to_fine(middle))
        middle = self.middle[ROUNDS](middle + self.fine_to_middle(fine) + self.coarse_to_middle(coarse))
        fine = self.fine[ROUNDS + 1](fine + self.middle_to_fine(middle))
        result: Tensor = self.last(fine)
        return result


def _halve(channels: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1), activation())


def _double(channels: int) -> nn.Module:
    return nn.Sequential(nn.ConvTranspose2d(channels, channels // 2, 4, stride=2, padding=1), activation())
