"""Deep back-projection: features of a frame at four times its size.

Source: M. Haris, G. Shakhnarovich, N. Ukita, "Deep Back-Projection Networks for Super-Resolution", 2018, in the
form that STINet takes as its S-SR: five up and four down units with dense connections, 64 channels, PReLU with
one slope per layer, no mean subtraction.

Conventions: frames (B, 3, h, w), RGB in whatever normalisation the weights were trained with (STINet: ImageNet's
mean and deviation); features (B, C, 4h, 4w). Convolutions pad with zeros. Any size from 1x1. Concatenations put
the newest features first. RBPN has the same units without dense connections (harness.networks.rbpn).

Deviation: the release keeps S-SR's RGB head, the last layer of its pre-training, inside of STINet and never calls
it there. Here the head belongs to `DBPN`; STINet gets `DBPNFeatures`, which has none.
"""

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from harness.networks.layers.convolutions import down, pointwise, up
from harness.networks.layers.start import start_values
from harness.ops.channels import cat_channels


def newest(maps: Sequence[Tensor]) -> Tensor:
    """The first of several: what a unit sees without dense connections."""
    return maps[0]


class BackProjection(nn.Module):
    """Project to the other size, project back, and project what was missed once more.

    The up unit and the down unit of the paper are the same computation; they differ in which layers enlarge.

    Args:
        squeeze: 1x1 layer for concatenated input, or the identity.
        project: to the other size.
        back: to the size of the input.
        correct: the difference to the other size.
    """

    def __init__(self, *, squeeze: nn.Module, project: nn.Module, back: nn.Module, correct: nn.Module) -> None:
        super().__init__()
        self.squeeze = squeeze
        self.project = project
        self.back = back
        self.correct = correct

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C', 4H, 4W), or the other way round."""
        features = self.squeeze(features)
        projected: Tensor = self.project(features)
        correction: Tensor = self.correct(self.back(projected) - features)
        return correction + projected


class DBPNFeatures(nn.Module):
    """The network up to its last hidden features.

    Args:
        entry: frame to features, at the frame's size.
        up: the up units; every one but the first sees outputs of the down units.
        down: the down units, one fewer; each sees outputs of the up units.
        last: all outputs of the up units to the features that are returned.
        sees: what a unit gets of the outputs of the other kind so far, newest first: all of them, or the newest.
    """

    def __init__(
        self,
        *,
        entry: nn.Module,
        up: Sequence[nn.Module],
        down: Sequence[nn.Module],
        last: nn.Module,
        sees: Callable[[Sequence[Tensor]], Tensor] = cat_channels,
    ) -> None:
        super().__init__()
        self.sees = sees
        self.entry = entry
        self.up = nn.ModuleList(up)
        self.down = nn.ModuleList(down)
        self.last = last

    def forward(self, frames: Tensor) -> Tensor:
        """(B, 3, h, w) to (B, C, 4h, 4w)."""
        first_up, *later_up = self.up
        high: list[Tensor] = [first_up(self.entry(frames))]
        low: list[Tensor] = []
        for reducing, enlarging in zip(self.down, later_up, strict=True):
            low.insert(0, reducing(self.sees(high)))
            high.insert(0, enlarging(self.sees(low)))
        features: Tensor = self.last(cat_channels(high))
        return features


class DBPN(nn.Module):
    """The super-resolution network: features, then a frame. It exists to pre-train STINet's S-SR."""

    def __init__(self, *, features: DBPNFeatures, head: nn.Module) -> None:
        super().__init__()
        self.features = features
        self.head = head

    def forward(self, frames: Tensor) -> Tensor:
        """(B, 3, h, w) to (B, 3, 4h, 4w)."""
        hr_frames: Tensor = self.head(self.features(frames))
        return hr_frames


def dbpn_features(*, stages: int = 5, channels: int = 64) -> DBPNFeatures:
    """The feature extractor with `stages` up units; the defaults are STINet's S-SR."""
    return DBPNFeatures(
        entry=nn.Sequential(
            nn.Conv2d(3, channels, 3, padding=1), nn.PReLU(), nn.Conv2d(channels, channels, 1), nn.PReLU()
        ),
        # Units one to three follow a single output; the others see 2, 3, ... outputs of the other kind.
        up=[up_unit(max(1, stage), channels) for stage in range(stages)],
        down=[down_unit(stage + 1, channels) for stage in range(stages - 1)],
        last=nn.Conv2d(stages * channels, channels, 3, padding=1),
    )


def dbpn(*, stages: int = 5, channels: int = 64) -> DBPN:
    """The whole network, untrained; the defaults are STINet's S-SR as it is pre-trained."""
    features = dbpn_features(stages=stages, channels=channels)
    network = DBPN(features=features, head=nn.Conv2d(channels, 3, 3, padding=1))
    start_values(network)
    return network


def up_unit(inputs: int, channels: int) -> BackProjection:
    """From LR to HR size.

    Args:
        inputs: how many outputs of down units it sees.
        channels: of each of them, and of the result.
    """
    return BackProjection(
        squeeze=_squeeze(inputs, channels),
        project=up(channels, channels, after=nn.PReLU()),
        back=down(channels, channels, after=nn.PReLU()),
        correct=up(channels, channels, after=nn.PReLU()),
    )


def down_unit(inputs: int, channels: int) -> BackProjection:
    """From HR to LR size; see `up_unit`."""
    return BackProjection(
        squeeze=_squeeze(inputs, channels),
        project=down(channels, channels, after=nn.PReLU()),
        back=up(channels, channels, after=nn.PReLU()),
        correct=down(channels, channels, after=nn.PReLU()),
    )


def _squeeze(inputs: int, channels: int) -> nn.Module:
    if inputs == 1:
        return nn.Identity()
    return nn.Sequential(pointwise(inputs * channels, channels), nn.PReLU())
