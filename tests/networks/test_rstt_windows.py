"""Windows and attention by their definitions: who is in which window, who sees whom, how far apart they are."""

from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from harness.networks.rstt.attention import WindowAttention, distance_index
from harness.networks.rstt.windows import HIDDEN, PIXELS, SIDE, Windows

SIZES = [(4, 4), (4, 5), (9, 4), (8, 12), (6, 10), (1, 3), (5, 23)]


def windows(size: tuple[int, int], *, shifted: bool) -> Windows:
    return Windows(*size, shifted=shifted, device=torch.device("cpu"))


def places(size: tuple[int, int]) -> Tensor:
    """(1, 1, H, W, 2): row and column of every pixel, from 1: a zero is no pixel."""
    rows, columns = (torch.arange(1.0, side + 1) for side in size)
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1)[None, None]


@given(size=st.tuples(st.integers(1, 13), st.integers(1, 13)), shifted=st.booleans(), frames=st.integers(1, 3))
def test_maps_come_back(size: tuple[int, int], shifted: bool, frames: int) -> None:
    cut = windows(size, shifted=shifted)
    maps = torch.rand(2, frames, *size, 3)
    tokens = cut.split(maps)
    assert tokens.shape[2:] == (frames * PIXELS, 3)
    assert torch.equal(cut.join(tokens), maps)
    assert torch.equal(cut.blank(tokens), tokens)
    assert torch.equal(cut.blank(tokens + 1) != 0, tokens != 0), "what is filled up stays zero"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shifted", [False, True])
def test_a_window_is_a_square_of_the_map(size: tuple[int, int], shifted: bool) -> None:
    found = windows(size, shifted=shifted).split(places(size))[0]
    for each in found:
        for axis, side in enumerate(size):
            inside = each[each[:, axis] > 0, axis] - 1
            start = 2 if shifted and side > SIDE else 0
            assert len({int(place - start) // SIDE % -(-side // SIDE) for place in inside}) <= 1


@pytest.mark.parametrize("size", SIZES)
def test_pixels_see_those_that_are_close(size: tuple[int, int]) -> None:
    cut = windows(size, shifted=True)
    if max(size) <= SIDE:
        assert cut.mask is None
        return
    assert cut.mask is not None
    rows, columns = (torch.arange(side + -side % SIDE, dtype=torch.float32) for side in size)
    filled = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1)[None, None]
    whole = windows(tuple(filled.shape[2:4]), shifted=False)  # type: ignore[arg-type]
    whole.shift = cut.shift
    for tokens, mask in zip(whole.split(filled)[0], cut.mask, strict=True):
        for (i, one), (j, other) in product(enumerate(tokens), repeat=2):
            close = bool(((one - other).abs() < SIDE).all())
            assert mask[i, j] == (0 if close else HIDDEN)


def test_plain_windows_hide_nothing() -> None:
    assert all(windows(size, shifted=False).mask is None for size in SIZES)


@pytest.mark.parametrize("key_times", [range(4), range(0, 7, 2)], ids=str)
def test_distances_are_those_of_query_and_key(key_times: range) -> None:
    times = range(4) if key_times == range(4) else range(7)
    index = distance_index(times, key_times)
    tokens = list(product(times, range(SIDE), range(SIDE)))
    keys = list(product(key_times, range(SIDE), range(SIDE)))
    assert index.shape == (len(tokens), len(keys))
    for (i, (t, r, c)), (j, (u, s, d)) in product(enumerate(tokens), enumerate(keys)):
        assert index[i, j] == (t - u + len(times) - 1) * 49 + (r - s + 3) * 7 + c - d + 3


def test_attention_is_a_weighted_mean() -> None:
    """By hand, a head and a window at a time, with a mask and a batch of two."""
    torch.manual_seed(0)
    attention = WindowAttention(8, heads=2, times=range(2), key_times=(0,)).double()
    torch.nn.init.normal_(attention.bias_table)
    cut = windows((6, 4), shifted=True)
    asking, asked = torch.randn(2, 2, 32, 8).double(), torch.randn(2, 2, 16, 8).double()
    with torch.inference_mode():
        found = attention(asking, asked, cut)
        assert cut.mask is not None
        for clip, window in product(range(2), range(2)):
            q = attention.queries(asking[clip, window])
            k, v = attention.keys_and_values(asked[clip, window]).chunk(2, dim=1)
            parts = []
            for head, mine in enumerate((slice(4), slice(4, 8))):
                logits = q[:, mine] @ k[:, mine].T / 2 + attention.bias_table[attention.index, head]
                parts.append((logits + cut.mask[window].repeat(2, 1)).softmax(dim=1) @ v[:, mine])
            torch.testing.assert_close(found[clip, window], attention.merge(torch.cat(parts, dim=1)))
