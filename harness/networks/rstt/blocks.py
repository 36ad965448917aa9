"""The blocks of RSTT, and the stages that are rows of them.

Conventions: those of `windows`; a block works on tokens of one way to cut maps, a stage on maps. Within a stage plain
and shifted windows take turns.
"""

from collections.abc import Iterable
from itertools import cycle
from typing import NamedTuple

import torch
from torch import Tensor, nn

from harness.networks.rstt.attention import WindowAttention
from harness.networks.rstt.windows import Windows


class Cuts(NamedTuple):
    """The two ways to cut maps of one size."""

    plain: Windows
    shifted: Windows

    @classmethod
    def of(cls, maps: Tensor) -> "Cuts":
        """For maps (B, D, H, W, C)."""
        height, width = maps.shape[2:4]
        plain, shifted = (Windows(height, width, shifted=each, device=maps.device) for each in (False, True))
        return cls(plain, shifted)


class StochasticDepth(nn.Module):
    """In training, leaves out what a block adds, clip by clip, and enlarges it in the others.

    Source: G. Huang et al., "Deep Networks with Stochastic Depth", 2016.

    Args:
        rate: how often it is left out.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, added: Tensor) -> Tensor:
        """(B, ...) to the same shape."""
        if not self.training or self.rate == 0:
            return added
        kept = torch.rand(len(added), *(1,) * (added.ndim - 1), device=added.device) >= self.rate
        return added * (kept / (1 - self.rate)).to(added.dtype)


def perceptron(channels: int) -> nn.Sequential:
    """On each token by itself, with twice as many channels inside."""
    return nn.Sequential(nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels))


class EncoderBlock(nn.Module):
    """Attention within windows, then a perceptron, each beside the identity.

    Args:
        attention: among the tokens of a window.
        channels: of the tokens.
        leave_out: rate of `StochasticDepth`.
    """

    def __init__(self, attention: WindowAttention, *, channels: int, leave_out: float = 0.0) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(channels)
        self.attention = attention
        self.norm_2 = nn.LayerNorm(channels)
        self.perceptron = perceptron(channels)
        self.sometimes = StochasticDepth(leave_out)

    def forward(self, tokens: Tensor, windows: Windows) -> Tensor:
        """(B, n, N, C) to the same shape."""
        normal = windows.blank(self.norm_1(tokens))
        tokens = tokens + self.sometimes(self.attention(normal, normal, windows))
        added: Tensor = self.sometimes(self.perceptron(self.norm_2(tokens)))
        return tokens + added


class DecoderBlock(nn.Module):
    """Attention among the queries, attention to the dictionary, then a perceptron, each beside the identity.

    Args:
        self_attention: among the queries of a window.
        cross_attention: of the queries to the dictionary's tokens of the same window.
        channels: of the tokens.
        leave_out: rate of `StochasticDepth`.
    """

    def __init__(
        self,
        self_attention: WindowAttention,
        cross_attention: WindowAttention,
        *,
        channels: int,
        leave_out: float = 0.0,
    ) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(channels)
        self.self_attention = self_attention
        self.norm_2 = nn.LayerNorm(channels)
        self.norm_dictionary = nn.LayerNorm(channels)
        self.cross_attention = cross_attention
        self.norm_3 = nn.LayerNorm(channels)
        self.perceptron = perceptron(channels)
        self.sometimes = StochasticDepth(leave_out)

    def forward(self, queries: Tensor, dictionary: Tensor, windows: Windows) -> Tensor:
        """Queries (B, n, N, C) and the dictionary (B, n, M, C) to the next queries."""
        normal = windows.blank(self.norm_1(queries))
        queries = queries + self.sometimes(self.self_attention(normal, normal, windows))
        normal, known = windows.blank(self.norm_2(queries)), windows.blank(self.norm_dictionary(dictionary))
        queries = queries + self.sometimes(self.cross_attention(normal, known, windows))
        added: Tensor = self.sometimes(self.perceptron(self.norm_3(queries)))
        return queries + added


class Encoder(nn.Module):
    """Encoder blocks in a row."""

    def __init__(self, blocks: Iterable[EncoderBlock]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, maps: Tensor, cuts: Cuts) -> Tensor:
        """(B, D, H, W, C) to the same shape: the dictionary of its size."""
        for block, windows in zip(self.blocks, cycle(cuts), strict=False):
            maps = windows.join(block(windows.split(maps), windows))
        return maps


class Decoder(nn.Module):
    """Decoder blocks in a row, all of which read one dictionary."""

    def __init__(self, blocks: Iterable[DecoderBlock]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, maps: Tensor, dictionary: Tensor, cuts: Cuts) -> Tensor:
        """Queries (B, D, H, W, C) and the dictionary (B, E, H, W, C) to the next queries."""
        split = [windows.split(dictionary) for windows in cuts]
        for block, (windows, tokens) in zip(self.blocks, cycle(zip(cuts, split, strict=True)), strict=False):
            maps = windows.join(block(windows.split(maps), tokens, windows))
        return maps
