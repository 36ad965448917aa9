"""Where the cells of a frame were in earlier key frames, and what is read there: TTVSR's trajectories and attention.

A frame is divided into cells of 4x4 pixels. The token of a cell is all that a feature map holds there, 16 C numbers.
A trajectory says for each key frame in which cell a cell was then. Positions are whole cells, so a trajectory is kept
as indices, row by row: (B, K, cells), long. Following it is a gather.

Two maps are kept of a key frame, its tokens and what the walk had made of it. The release keeps four: it pools whole
maps before it reads; here what is read is pooled. Nothing loops over cells, and nothing waits for the device.
"""

from functools import reduce
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.layers.convolutions import conv
from harness.ops.channels import cat_channels
from harness.ops.precision import at_least_float32, full_precision
from harness.ops.warp import positions

CELL = 4  # pixels, each side

SIZES = (4, 6, 8)
"""Of the squares around a cell that are read at the three scales, each pooled to the 4x4 pixels of a cell."""

_MARGIN = (SIZES[-1] - CELL) // 2  # zeros around what is kept, for the squares of cells at the border
_MOST = 2**26  # numbers of tokens that are read at once


class Keys:
    """What is known of the key frames so far, K of them.

    There is room for all from the start: growing tensors would be there twice.

    Args:
        like: features of a frame, (B, C, h, w).
        room: how many keys there will be at most.

    Attributes:
        cells: trajectories of the current frame's cells, (B, K, cells).
        tokens: of the key frames' own features, of length 1, (room, B, cells, 16 C), float32.
        values: what the walk had made there, channels last, zeros around, (room, B, h + 4, w + 4, C).
    """

    def __init__(self, like: Tensor, *, room: int) -> None:
        batch, channels, height, width = like.shape
        cells = height // CELL * (width // CELL)
        around = (height + 2 * _MARGIN, width + 2 * _MARGIN)
        self.cells = torch.empty(batch, 0, cells, dtype=torch.long, device=like.device)
        self.tokens = at_least_float32(like.new_empty(0)).new_empty(room, batch, cells, CELL**2 * channels)
        self.values = like.new_zeros(room, batch, *around, channels)

    def __len__(self) -> int:
        return self.cells.shape[1]

    def add(self, frame: Tensor, value: Tensor) -> None:
        """The current frame as the newest key: there its cells are where they are. Maps (B, C, h, w)."""
        batch, _, length = self.cells.shape
        self.tokens[len(self)] = unit_tokens(frame)
        self.values[len(self), :, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN] = value.permute(0, 2, 3, 1)
        home = torch.arange(length, device=frame.device).expand(batch, 1, -1)
        self.cells = torch.cat((self.cells, home), dim=1)


class Trajectories(nn.Module):
    """Those of a frame, from those of the frame before it: each cell was where the cell was that it comes from."""

    def forward(self, cells: Tensor, flow: Tensor) -> Tensor:
        """Follow the mean flow of each cell.

        Args:
            cells: (B, K, cells), of the frame before.
            flow: from this frame to the one before, (B, 2, h, w), pixels.

        Returns:
            (B, K, cells), of this frame.
        """
        source = nearest(F.avg_pool2d(flow, CELL) / CELL)
        return cells.gather(2, source.unsqueeze(1).expand_as(cells))


def nearest(flow: Tensor) -> Tensor:
    """For every pixel p the one that is nearest to p + flow(p), inside the frame; halves go to the even one.

    Args:
        flow: (B, 2, H, W), pixels, float32 or float64.

    Returns:
        Indices row by row, (B, H * W), long.
    """
    height, width = flow.shape[-2:]
    column, row = (
        # Clamped as integers too: a flow that is not finite reads no foreign memory either.
        at.clamp(0, size - 1).round().long().clamp(0, size - 1).flatten(1)
        for at, size in zip(positions(flow), (width, height), strict=True)
    )
    return row * width + column


class TrajectoryAttention(nn.Module):
    """LTAM: each cell reads, at three scales, the key frame on its trajectory in which it looks most alike.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fuse = conv(len(SIZES) * channels, channels)

    def forward(self, anchor: Tensor, frame: Tensor, keys: Keys) -> Tensor:
        """Attend.

        Args:
            anchor: what the walk brings from the frame before, (B, C, h, w).
            frame: the frame's own features, (B, C, h, w).
            keys: K key frames.

        Returns:
            (B, C, h, w).
        """
        best, key = likeness(unit_tokens(frame), keys).max(dim=1)  # hard attention; of equals the first
        cell = keys.cells.gather(1, key.unsqueeze(1)).squeeze(1)
        read = cat_channels([read_squares(keys.values, key, cell, size=size) for size in SIZES])
        height, width = (side // CELL for side in frame.shape[-2:])
        weight = F.interpolate(best.to(anchor.dtype).view(-1, 1, height, width), scale_factor=CELL)
        attended: Tensor = anchor + self.fuse(read) * weight
        return attended


def unit_tokens(features: Tensor) -> Tensor:
    """The tokens of maps (B, C, h, w), of length 1: (B, cells, 16 C), float32 or float64."""
    with full_precision(features.device.type):
        tokens = F.pixel_unshuffle(at_least_float32(features), CELL).flatten(2).mT.contiguous()
        return F.normalize(tokens, dim=2)


def likeness(queries: Tensor, keys: Keys) -> Tensor:
    """How much each cell looks like what lies on its trajectory: the cosine of the tokens, (B, K, cells).

    Some keys at a time: what is read of one is as large as a feature map.

    Args:
        queries: tokens of length 1, (B, cells, 16 C).
        keys: K key frames.
    """
    batch, count, length = keys.cells.shape
    rows = torch.arange(count * batch, device=queries.device).view(count, batch, 1) * length
    rows = keys.cells.transpose(0, 1) + rows  # (K, B, cells)
    few = max(1, _MOST // queries.numel())
    tokens, alike = keys.tokens.flatten(0, 2), []
    with full_precision(queries.device.type):
        for part in rows.split(few):
            read = tokens.index_select(0, part.flatten()).view(*part.shape, -1)
            alike.append(torch.einsum("kbnd,bnd->bkn", read, queries))
    return torch.cat(alike, dim=1)


def read_squares(values: Tensor, key: Tensor, cell: Tensor, *, size: int) -> Tensor:
    """A square around a cell of a key frame, pooled to 4x4 pixels, in the place of each cell of a frame.

    Pixel d of a cell, along either axis, is the mean from floor(d size / 4) to ceil((d + 1) size / 4) of the square.

    Args:
        values: of key frames, (K, B, h + 4, w + 4, C).
        key: which key frame each cell reads, (B, cells).
        cell: which of its cells, (B, cells).
        size: of the square, one of `SIZES`.

    Returns:
        (B, C, h, w), in memory channels last.
    """
    _, batch, height, width, channels = values.shape
    rows, columns = (height - 2 * _MARGIN) // CELL, (width - 2 * _MARGIN) // CELL
    image = key * batch + torch.arange(batch, device=key.device).unsqueeze(1)
    corner = (image * height + cell // columns * CELL) * width + cell % columns * CELL
    first = _MARGIN - (size - CELL) // 2 + torch.arange(CELL, device=key.device) * size // CELL
    start = corner.view(batch, rows, 1, columns, 1) + first.view(-1, 1, 1) * width + first
    count = -(-size // CELL)
    pixels = values.view(-1, channels)
    taps = (pixels.index_select(0, (start + dy * width + dx).flatten()) for dy, dx in product(range(count), repeat=2))
    pooled = reduce(Tensor.add_, taps) / count**2
    return pooled.view(batch, rows * CELL, columns * CELL, channels).permute(0, 3, 1, 2)
