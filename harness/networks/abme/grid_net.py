"""GridNet: three rows of features, one a size, that tell each other what they know column by column.

Source: D. Fourure et al., "Residual Conv-Deconv Grid Network for Semantic Segmentation", 2017, as ABME's release has
it: three columns in which each row tells the smaller one below it, then three in which each tells the larger one.

Conventions: maps of row r are (B, C_r, H / 2^r, W / 2^r), H and W multiples of four. Blocks are two 3x3 convolutions
with a PReLU of one slope before each (the entries: only between them), and add to what a row has.
"""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from harness.networks.layers.convolutions import conv

WIDTHS = (32, 64, 96)
"""Channels of the rows."""

COLUMNS = 6
"""Half of them down, half of them up."""


def _entry(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(conv(inputs, outputs), nn.PReLU(), conv(outputs, outputs))


def _across(inputs: int, outputs: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.PReLU(), conv(inputs, outputs, stride=stride), nn.PReLU(), conv(outputs, outputs))


def _up(inputs: int, outputs: int) -> nn.Sequential:
    enlarge = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
    return nn.Sequential(enlarge, *_across(inputs, outputs))


class Column(nn.Module):
    """One step of all rows: along themselves, then from one to the next.

    Args:
        upwards: whether the smallest row tells first.
        first: whether nothing is to the left of it.
    """

    def __init__(self, *, upwards: bool, first: bool = False) -> None:
        super().__init__()
        pairs = [*pairwise(WIDTHS)]
        self.across = nn.ModuleList([] if first else [_across(width, width) for width in WIDTHS])
        self.told = nn.ModuleList(
            _up(small, large) if upwards else _across(large, small, stride=2) for large, small in pairs
        )
        steps = [(row, row + 1) for row in range(len(pairs))]
        self.steps = [(below, above) for above, below in reversed(steps)] if upwards else steps

    def forward(self, rows: Sequence[Tensor]) -> list[Tensor]:
        """All rows, largest first, to the same shapes."""
        rows = list(rows)
        for row, block in enumerate(self.across):
            rows[row] = rows[row] + block(rows[row])
        for source, target in self.steps:
            rows[target] = rows[target] + self.told[min(source, target)](rows[source])
        return rows


class GridNet(nn.Module):
    """Maps of three sizes to maps of the largest.

    Args:
        inputs: channels of the maps that enter the rows, largest size first.
        outputs: channels of the result.
    """

    def __init__(self, inputs: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.entries = nn.ModuleList(map(_entry, inputs, WIDTHS))
        self.columns = nn.ModuleList(Column(upwards=k >= COLUMNS // 2, first=k == 0) for k in range(COLUMNS))
        self.last = _across(WIDTHS[0], outputs)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """(B, C_r, H / 2^r, W / 2^r) for each row, largest first, to (B, C, H, W)."""
        rows = [entry(given) for entry, given in zip(self.entries, maps, strict=True)]
        for column in self.columns:
            rows = column(rows)
        result: Tensor = self.last(rows[0])
        return result


KEY_MAP = {
    "First_Block": "entries.0",
    "Row2_0": "entries.1",
    "Row3_0": "entries.2",
    **{f"Row{row + 1}_{k}": f"columns.{k}.across.{row}" for row in range(3) for k in range(1, COLUMNS)},
    **{f"Col{row + 1}_{k + 1}": f"columns.{k}.told.{row}" for row in range(2) for k in range(COLUMNS)},
    "Last_Block": "last",
}
"""The release's blocks in ours, for `renamed`."""
