"""Recurrent back-projection: a frame's HR features, corrected by one neighbouring frame after the other.

Source: M. Haris, G. Shakhnarovich, N. Ukita, "Recurrent Back-Projection Network for Video Super-Resolution", 2019,
and the behaviour of its release. STARnet takes it over with one neighbour (harness.networks.starnet).

Conventions: frames (B, 3, h, w), RGB; the range is that of the weights (RBPN: [0, 1], STARnet: ImageNet's units).
Flows (B, 2, h, w), from the target to each neighbour, dx before dy, in pixels (STARnet: other units). HR features
(B, C, 4h, 4w). Any size from 1x1; convolutions pad with zeros. PReLU with one slope a block.

What depends on a neighbour alone is computed for all neighbours at once; the recurrence is the rest.

Deviation: after the last neighbour the release computes LR features that nobody reads; here they are not computed,
and with a single neighbour the decoder does not exist.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from harness.networks.dbpn import DBPNFeatures, down_unit, newest, up_unit
from harness.networks.layers.convolutions import activated_blocks, conv, down, pointwise, up
from harness.networks.layers.renaming import prefixed, renamed
from harness.networks.layers.start import start_values
from harness.ops.channels import cat_channels

SCALE = 4


class RBPN(nn.Module):
    """A target frame and its neighbours to the target, four times larger.

    Args:
        target_features: the target (B, 3, h, w) to L (B, 4C, h, w).
        motion_features: target, neighbour and flow, (B, 8, h, w), to M (B, 4C, h, w).
        single_frame: Net_sisr, L to HR features (B, C, 4h, 4w).
        multi_frame: Net_misr, M to HR features.
        residual: Net_res, the difference of both to what the first lacks, (B, C, 4h, 4w).
        decoder: Net_D, HR features to the next L; called between two neighbours.
        head: the HR features of all neighbours, concatenated, to the frame (B, 3, 4h, 4w).
    """

    def __init__(
        self,
        *,
        target_features: nn.Module,
        motion_features: nn.Module,
        single_frame: nn.Module,
        multi_frame: nn.Module,
        residual: nn.Module,
        decoder: nn.Module,
        head: nn.Module,
    ) -> None:
        super().__init__()
        self.target_features = target_features
        self.motion_features = motion_features
        self.single_frame = single_frame
        self.multi_frame = multi_frame
        self.residual = residual
        self.decoder = decoder
        self.head = head

    def forward(self, target: Tensor, neighbours: Sequence[Tensor], flows: Sequence[Tensor]) -> Tensor:
        """Upscale the target.

        Args:
            target: (B, 3, h, w).
            neighbours: frames of the same shape, as many as the network was built for, in the order of time.
            flows: from the target to each of them, (B, 2, h, w).

        Returns:
            (B, 3, 4h, 4w), in the range of the target.
        """
        frame: Tensor = self.head(cat_channels(self.features(target, neighbours, flows)))
        return frame

    def features(self, target: Tensor, neighbours: Sequence[Tensor], flows: Sequence[Tensor]) -> list[Tensor]:
        """The HR features H after each neighbour, (B, C, 4h, 4w)."""
        seen = [torch.cat((target, *pair), dim=1) for pair in zip(neighbours, flows, strict=True)]
        multi = self.multi_frame(self.motion_features(torch.cat(seen))).chunk(len(seen))
        low: Tensor = self.target_features(target)
        high = [self.encode(low, multi[0])]
        for by_motion in multi[1:]:
            high.append(self.encode(self.decoder(high[-1]), by_motion))
        return high

    def encode(self, low: Tensor, by_motion: Tensor) -> Tensor:
        """L, and what motion gives, to H: where both disagree, what the frame gives is corrected."""
        by_frame: Tensor = self.single_frame(low)
        lacking: Tensor = self.residual(by_frame - by_motion)
        return by_frame + lacking


def rbpn(*, neighbours: int = 6, channels: int = 64, blocks: int = 5, stages: int = 3) -> RBPN:
    """The network, untrained; the defaults are the released one's 12,771,943 parameters.

    Args:
        neighbours: how many there are.
        channels: C, of HR features; LR features have four times as many.
        blocks: residual blocks in each stage.
        stages: up units of Net_sisr.
    """
    wide = 4 * channels
    network = RBPN(
        target_features=nn.Sequential(conv(3, wide), nn.PReLU()),
        motion_features=nn.Sequential(conv(8, wide), nn.PReLU()),
        single_frame=DBPNFeatures(
            entry=nn.Sequential(pointwise(wide, channels), nn.PReLU()),
            up=[up_unit(1, channels) for _ in range(stages)],
            down=[down_unit(1, channels) for _ in range(stages - 1)],
            last=pointwise(stages * channels, channels),
            sees=newest,
        ),
        multi_frame=_blocks(wide, blocks, up(wide, channels, after=nn.PReLU())),
        residual=_blocks(channels, blocks, nn.Sequential(conv(channels, channels), nn.PReLU())),
        decoder=_blocks(channels, blocks, down(channels, wide, after=nn.PReLU()))
        if neighbours > 1
        else nn.Identity(),
        head=conv(neighbours * channels, 3),
    )
    start_values(network)
    return network


def _blocks(channels: int, count: int, last: nn.Module) -> nn.Sequential:
    return nn.Sequential(*activated_blocks(channels, count=count, after=nn.PReLU), last)


def _block(theirs: str, ours: str) -> dict[str, str]:
    """A convolution of either kind, and its activation."""
    return {f"{theirs}.{part}": f"{ours}.{index}" for part, index in (("conv", 0), ("deconv", 0), ("act", 1))}


def _stage(theirs: str, ours: str, *, blocks: int = 5) -> dict[str, str]:
    """Residual blocks and the layer behind them."""
    chain = {f"{theirs}.{k}": f"{ours}.{k}" for k in range(blocks)}
    return chain | _block(f"{theirs}.{blocks}", f"{ours}.{blocks}")


def _unit(kind: str, number: int) -> dict[str, str]:
    """An up or a down unit."""
    layers: dict[str, str] = {}
    for k, ours in enumerate(("project", "back", "correct"), start=1):
        layers |= _block(f"{kind}{number}.{kind}_conv{k}", f"{kind}.{number - 1}.{ours}")
    return layers


_SINGLE_FRAME = {
    **_block("feat1", "entry"),
    **{theirs: ours for kind in ("up", "down") for k in (1, 2, 3) for theirs, ours in _unit(kind, k).items()},
    "output.conv": "last",
}

KEY_MAP = {
    **_block("feat0", "target_features"),
    **_block("feat1", "motion_features"),
    **prefixed(_SINGLE_FRAME, theirs="DBPN", ours="single_frame"),
    **_stage("res_feat1", "multi_frame"),
    **_stage("res_feat2", "residual"),
    **_stage("res_feat3", "decoder"),
    "output.conv": "head",
}
"""The release's layers, or blocks of layers, in ours, for `renamed`."""

BLOCK = {"conv1": "first", "conv2": "second", "act": "activation"}
"""The layers of a residual block."""


def from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' checkpoint as the state of `rbpn()`. Raises DataError for a foreign name."""
    return renamed(state, KEY_MAP, parts=BLOCK)
