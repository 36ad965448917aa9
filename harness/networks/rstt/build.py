"""From options to a network: the one place that knows sizes."""

from collections.abc import Iterator
from itertools import islice

from torch import nn

from harness.networks.layers.convolutions import conv
from harness.networks.layers.reconstruction import picture_layers
from harness.networks.rstt.attention import WindowAttention
from harness.networks.rstt.blocks import Decoder, DecoderBlock, Encoder, EncoderBlock
from harness.networks.rstt.network import GIVEN, MADE, RSTT
from harness.networks.rstt.options import RSTTOptions

SCALE = 4
HEADS = (2, 4, 8, 16)
"""Of the stages, from the largest maps to the smallest."""

FULL_SIZE = 64
"""Channels at the size of the pictures."""

DEVIATION = 0.02
"""Of what linear layers and bias tables start as."""


def build_rstt(options: RSTTOptions | None = None) -> RSTT:
    """An untrained network."""
    options = options or RSTTOptions()
    c = options.channels
    blocks = len(HEADS) * options.depth
    left_out = [options.stochastic_depth * k / max(blocks - 1, 1) for k in range(blocks)]
    coming, going = iter(left_out), reversed(left_out)
    network = RSTT(
        features=nn.Sequential(conv(3, c), nn.LeakyReLU(inplace=True)),  # of slope 0.01, here alone
        reduce=[nn.Identity(), *(nn.Conv2d(c, c, 4, stride=2, padding=1) for _ in HEADS[1:])],
        encoders=[_encoder(options, heads=heads, left_out=coming) for heads in HEADS],
        enlarge=[nn.Identity(), *(nn.ConvTranspose2d(c, c, 2, stride=2) for _ in HEADS[1:])],
        decoders=[_decoder(options, heads=heads, left_out=going) for heads in HEADS[::-1]],
        tail=picture_layers(c, full_size=FULL_SIZE),
    )
    network.apply(_start_values)
    return network


def _encoder(options: RSTTOptions, *, heads: int, left_out: Iterator[float]) -> Encoder:
    c, times = options.channels, range(GIVEN)
    return Encoder(
        EncoderBlock(WindowAttention(c, heads=heads, times=times), channels=c, leave_out=rate)
        for rate in islice(left_out, options.depth)
    )


def _decoder(options: RSTTOptions, *, heads: int, left_out: Iterator[float]) -> Decoder:
    c, times = options.channels, range(MADE)
    return Decoder(
        DecoderBlock(
            WindowAttention(c, heads=heads, times=times),
            WindowAttention(c, heads=heads, times=times, key_times=times[::2]),
            channels=c,
            leave_out=rate,
        )
        for rate in islice(left_out, options.depth)
    )


def _start_values(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=DEVIATION)
        nn.init.zeros_(module.bias)
    elif isinstance(module, WindowAttention):
        nn.init.trunc_normal_(module.bias_table, std=DEVIATION)
