"""Attention among the tokens of a window, with a learned bias for every distance in time and space.

Conventions: those of `windows`. Distances are those of the query from the key, in frames of the output and in pixels.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.networks.rstt.windows import PIXELS, SIDE, Windows


class WindowAttention(nn.Module):
    """Multi-head attention.

    Args:
        channels: of the tokens.
        heads: which share the channels.
        times: of the frames that ask.
        key_times: of the frames that are asked; default the same.
    """

    index: Tensor

    def __init__(
        self, channels: int, *, heads: int, times: Sequence[int], key_times: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        self.heads = heads
        self.queries = nn.Linear(channels, channels)
        self.keys_and_values = nn.Linear(channels, 2 * channels)
        self.merge = nn.Linear(channels, channels)
        distances = (2 * len(times) - 1) * (2 * SIDE - 1) ** 2
        self.bias_table = nn.Parameter(torch.zeros(distances, heads))
        self.register_buffer("index", distance_index(times, key_times or times), persistent=False)

    def forward(self, asking: Tensor, asked: Tensor, windows: Windows) -> Tensor:
        """Attend.

        Args:
            asking: tokens (B, n, D * 16, C), normalised.
            asked: tokens (B, n, E * 16, C), normalised.
            windows: of which the tokens are.

        Returns:
            What each token of `asking` has found, (B, n, D * 16, C).
        """
        queries = self._by_head(self.queries(asking))
        keys, values = (self._by_head(part) for part in self.keys_and_values(asked).chunk(2, dim=-1))
        bias = self._bias(windows, batch=len(asking)).to(queries.dtype)
        found = F.scaled_dot_product_attention(queries, keys, values, attn_mask=bias)
        merged: Tensor = self.merge(found.transpose(1, 2).reshape(asking.shape))
        return merged

    def _by_head(self, tokens: Tensor) -> Tensor:
        """(B, n, N, C) to (B * n, heads, N, C / heads)."""
        return tokens.reshape(-1, tokens.shape[2], self.heads, tokens.shape[3] // self.heads).transpose(1, 2)

    def _bias(self, windows: Windows, *, batch: int) -> Tensor:
        """What is added to the logits: (1, heads, N, M), the same in all windows, or (B * n, heads, N, M)."""
        bias = self.bias_table[self.index.flatten()].T.view(1, self.heads, *self.index.shape)
        if windows.mask is None:
            return bias
        frames, key_frames = (tokens // PIXELS for tokens in self.index.shape)
        hidden = windows.mask.repeat(batch, frames, key_frames)  # (B * n, N, M)
        return bias + hidden.unsqueeze(1)


def distance_index(times: Sequence[int], key_times: Sequence[int]) -> Tensor:
    """Which row of a table each pair of tokens of a window looks up, (D * 16, E * 16).

    The table runs over the distances in time, then in rows, then in columns, from the most negative.
    """
    time = torch.tensor(times).view(-1, 1) - torch.tensor(key_times) + (len(times) - 1)  # (D, E)
    along = torch.arange(SIDE).view(-1, 1) - torch.arange(SIDE) + (SIDE - 1)  # (4, 4)
    reach = 2 * SIDE - 1
    rows, columns = along.view(1, SIDE, 1, 1, SIDE, 1), along.view(1, 1, SIDE, 1, 1, SIDE)
    table = time.view(len(times), 1, 1, len(key_times), 1, 1) * reach**2 + rows * reach + columns
    return table.reshape(len(times) * PIXELS, len(key_times) * PIXELS)
