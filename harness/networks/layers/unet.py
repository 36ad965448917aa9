"""The shape of a UNet: features of smaller and smaller maps, and the way back past them.

Source: O. Ronneberger, P. Fischer, T. Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", 2015.
What a level is made of is each network's own.
"""

from collections.abc import Sequence

from torch import Tensor, nn


class UNet(nn.Module):
    """Down and up again; every size on the way up sees what was there on the way down.

    Args:
        entry: input to features of its size.
        down: to the next smaller size, one a level.
        up: of (smaller features, features of the size that is wanted) to features of that size; smallest first.
        last: features of the input's size to the result.
    """

    def __init__(
        self, *, entry: nn.Module, down: Sequence[nn.Module], up: Sequence[nn.Module], last: nn.Module
    ) -> None:
        super().__init__()
        self.entry = entry
        self.down = nn.ModuleList(down)
        self.up = nn.ModuleList(up)
        self.last = last

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C', H, W)."""
        passed: list[Tensor] = [self.entry(maps)]
        for down in self.down:
            passed.append(down(passed[-1]))
        features = passed.pop()
        for up in self.up:
            features = up(features, passed.pop())
        result: Tensor = self.last(features)
        return result
