"""Windows: squares of 4x4 pixels, of all frames, within which attention looks.

Source: Z. Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows", 2021, over the
frames of a clip, as RSTT's release has it (see `network`).

Conventions: maps are (B, D, H, W, C), tokens (B, n, D * 16, C): n windows row by row, in a window frame by frame, in
a frame row by row. A map whose sides are no multiples of four is filled up with zeros at the right and at the bottom;
these zeros are looked at like pixels. Shifted windows start two pixels further down and to the right, and those that
reach over the border continue at the other side; there pixels see only those that are close to them in the map. A
side that is not longer than a window is not shifted.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE = 4
SHIFT = SIDE // 2
PIXELS = SIDE * SIDE
HIDDEN = -100.0
"""Added to the logits of what is not to be seen."""


class Windows:
    """How maps of one size become tokens and maps again.

    Args:
        height: of the maps.
        width: of the maps.
        shifted: whether windows are.
        device: where the maps are.

    Attributes:
        mask: (n, 16, 16), what is added to the logits of two pixels of a window; None where all see each other.
    """

    mask: Tensor | None

    def __init__(self, height: int, width: int, *, shifted: bool, device: torch.device) -> None:
        self.size = (height, width)
        self.shift = tuple(SHIFT if shifted and side > SIDE else 0 for side in self.size)
        self.whole = tuple(side + -side % SIDE for side in self.size)  # filled up
        rows, columns = (
            (torch.arange(whole, device=device) + shift) % whole
            for whole, shift in zip(self.whole, self.shift, strict=True)
        )
        row, column = (_cut(plane) for plane in torch.meshgrid(rows, columns, indexing="ij"))  # of every token
        self._inside = (row < height) & (column < width) if self.whole != self.size else None
        self.mask = HIDDEN * (_apart(row) | _apart(column)).float() if any(self.shift) else None

    def split(self, maps: Tensor) -> Tensor:
        """(B, D, H, W, C) to tokens (B, n, D * 16, C)."""
        height, width = self.size
        filled = F.pad(maps, (0, 0, 0, self.whole[1] - width, 0, self.whole[0] - height))
        rolled = filled.roll([-shift for shift in self.shift], dims=(2, 3)) if any(self.shift) else filled
        batch, frames, *_, channels = maps.shape
        cut = rolled.view(batch, frames, self.whole[0] // SIDE, SIDE, self.whole[1] // SIDE, SIDE, channels)
        return cut.permute(0, 2, 4, 1, 3, 5, 6).reshape(batch, -1, frames * PIXELS, channels)

    def join(self, tokens: Tensor) -> Tensor:
        """Tokens back to (B, D, H, W, C)."""
        batch, channels = len(tokens), tokens.shape[-1]
        cut = tokens.view(batch, self.whole[0] // SIDE, self.whole[1] // SIDE, -1, SIDE, SIDE, channels)
        filled = cut.permute(0, 3, 1, 4, 2, 5, 6).reshape(batch, -1, *self.whole, channels)
        rolled = filled.roll(self.shift, dims=(2, 3)) if any(self.shift) else filled
        return rolled[:, :, : self.size[0], : self.size[1]]

    def blank(self, tokens: Tensor) -> Tensor:
        """Tokens (B, n, D * 16, C) with zeros for those that are no pixels of the map."""
        if self._inside is None:
            return tokens
        frames = tokens.shape[2] // PIXELS
        return tokens * self._inside.repeat(1, frames).unsqueeze(2)


def _cut(plane: Tensor) -> Tensor:
    """What belongs to each pixel of a map, (H, W), by window: (n, 16)."""
    height, width = plane.shape
    return plane.view(height // SIDE, SIDE, width // SIDE, SIDE).transpose(1, 2).reshape(-1, PIXELS)


def _apart(place: Tensor) -> Tensor:
    """Which pixels of a window are no neighbours along one side of the map: (n, 16) to (n, 16, 16)."""
    return (place.unsqueeze(2) - place.unsqueeze(1)).abs() >= SIDE
