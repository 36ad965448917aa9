"""From options to a network: the one place that knows sizes."""

from torch import nn

from harness.networks.videoinr.decoder import Decoder
from harness.networks.videoinr.network import VideoINR
from harness.networks.videoinr.options import VideoINROptions
from harness.networks.videoinr.siren import Siren
from harness.networks.zooming_slow_mo.build import build_zooming_slow_mo

PICTURES = 2 * 3
"""Channels of the two given frames."""


def build_videoinr(options: VideoINROptions | None = None) -> VideoINR:
    """An untrained network; deformable sampling starts where it stands."""
    options = options or VideoINROptions()
    encoder = build_zooming_slow_mo(options)
    encoder.tail = nn.Identity()  # features are wanted, not pictures
    return VideoINR(encoder=encoder, decoder=_decoder(options.channels))


def _decoder(channels: int) -> Decoder:
    c, given = channels, 3 * channels  # two given frames, and between them
    spatial = {"features": given, "pictures": PICTURES, "offset": 2, "time": 1}
    temporal = {"output": c, "features": given, "pictures": PICTURES, "time": 1}
    colour = {
        **{"output_0": c, "output_1": c, "features_0": given, "features_1": given},
        **{"pictures_0": PICTURES, "pictures_1": PICTURES, "time": 1},
    }
    return Decoder(
        spatial=Siren(spatial, hidden=(c, c, 4 * c), outputs=c),
        temporal=Siren(temporal, hidden=(c, c, 4 * c), outputs=4),
        colour=Siren(colour, hidden=(c, c, 4 * c, 4 * c), outputs=3),
    )
