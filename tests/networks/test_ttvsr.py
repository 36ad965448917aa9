"""TTVSR beside a straightforward program, its trajectories and its reading beside loops, and what a wrong one gives.

That it is the authors' network is seen in tests/cli/test_parity.py.
"""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.straightforward_ttvsr import Straightforward
from benchmarks.timing import Calls, Largest
from harness.errors import DataError
from harness.networks.ttvsr import trajectories as module
from harness.networks.ttvsr.build import ttvsr
from harness.networks.ttvsr.key_map import from_release
from harness.networks.ttvsr.network import TTVSR
from harness.networks.ttvsr.trajectories import (
    CELL,
    SIZES,
    Keys,
    Trajectories,
    TrajectoryAttention,
    likeness,
    nearest,
    read_squares,
    unit_tokens,
)
from harness.upscalers.weights import translate
from tests.networks.clips import distance
from tests.networks.release import frames, weights
from tests.parity.references import golden

TOLERANCE = 1e-4
GOLDEN = golden("ttvsr")


def small(**sizes: int) -> TTVSR:
    """A small network whose values stay near one and whose flows are some cells long."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = ttvsr(**{"channels": 8, "blocks": 2, "feature_blocks": 1, **sizes})
        for name, parameter in network.named_parameters():
            std = parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.05
            nn.init.normal_(parameter, std=1.5 * std if name.startswith("flow") else std)
    return network.eval().requires_grad_(False)


def authors_names(network: TTVSR) -> dict[str, Tensor]:
    """The state of a network of any width under the names of the release."""
    keys = [*GOLDEN.entries]
    ours = from_release({key: torch.tensor(index) for index, key in enumerate(keys)})
    state = network.state_dict()
    return {keys[int(index)]: state[name] for name, index in ours.items() if name in state}


def keys_of(*, count: int, batch: int = 1, height: int = 8, width: int = 12, channels: int = 3) -> Keys:
    """Random key frames in float64, and trajectories that go anywhere."""
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(count, 2, batch, channels, height, width, generator=generator, dtype=torch.float64) - 0.5
    keys = Keys(maps[0, 0], room=count)
    for frame, value in maps:
        keys.add(frame, value)
    keys.cells = torch.randint(keys.cells.shape[2], keys.cells.shape, generator=generator)
    return keys


@pytest.mark.parametrize(
    "shape", [(1, 2, 8, 12), (2, 3, 16, 8), (1, 8, 12, 20), (1, 11, 36, 32)], ids=lambda shape: f"{shape}"
)
def test_it_is_the_straightforward_program(shape: tuple[int, int, int, int]) -> None:
    batch, given, height, width = shape
    network, clip = small(), frames(batch=batch, given=given, height=height, width=width)
    with torch.inference_mode():
        made, wanted = network(clip), Straightforward(authors_names(network))(clip)
    assert made.shape == (batch, given, 3, 4 * height, 4 * width)
    assert distance(made, wanted) < TOLERANCE


def test_one_frame_has_no_one_to_attend_to() -> None:
    network, clip = small(), frames(given=1, height=8, width=8)
    (frame,) = clip.unbind(1)
    features = network.features(frame)
    walked = network.walk.blocks(torch.cat((features, torch.zeros_like(features)), dim=1))
    assert distance(network(clip)[:, 0], network.picture(frame, walked, features, walked)) < 1e-6


def floored(flow: Tensor) -> Tensor:
    return nearest(flow - 0.5)


def doubled(features: Tensor) -> Tensor:
    return 2 * unit_tokens(features)


def least(queries: Tensor, keys: Keys) -> Tensor:
    return -likeness(queries, keys)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("nearest", floored), ("SIZES", (6, 4, 8)), ("likeness", least), ("unit_tokens", doubled)],
)
def test_other_rules_are_noticed(name: str, wrong: object, monkeypatch: pytest.MonkeyPatch) -> None:
    network, clip = small(), frames(given=8, height=16, width=20)
    wanted = network(clip)
    monkeypatch.setattr(module, name, wrong)
    assert distance(network(clip), wanted) > 1e-3


def test_the_stride_of_keys_and_the_order_of_time_are_noticed() -> None:
    network, clip = small(), frames(given=6, height=16, width=20)
    wanted = network(clip)
    assert distance(network(clip.flip(1)).flip(1), wanted) > 1e-3
    network.walk.key_stride = 2
    assert distance(network(clip), wanted) > 1e-3


# -- where cells come from


def test_the_nearest_pixel_is_found_as_by_loops() -> None:
    generator = torch.Generator().manual_seed(0)
    flow = 8 * torch.rand(2, 2, 5, 7, generator=generator, dtype=torch.float64) - 4
    flow[0, :, 2, 2:4] = torch.tensor([[0.5, -0.5], [1.5, 0.0]])  # halves: to the even one
    found = nearest(flow).view(2, 5, 7)
    for b, y, x in np.ndindex(2, 5, 7):
        row = round(min(max(y + flow[b, 1, y, x].item(), 0), 4))  # Python's rounding does the same
        column = round(min(max(x + flow[b, 0, y, x].item(), 0), 6))
        assert found[b, y, x] == 7 * row + column


def test_a_flow_that_is_not_finite_stays_inside() -> None:
    flow = torch.tensor([math.nan, math.inf, -math.inf]).view(1, 1, 1, 3).expand(1, 2, 4, 3)
    found = nearest(flow)
    assert 0 <= int(found.min()) <= int(found.max()) < 12


def test_trajectories_add_up() -> None:
    """Four pixels to the right twice: every cell was two columns further right, or at the border."""
    cells = torch.arange(6).view(1, 1, 6)  # two rows of three
    flow = torch.zeros(1, 2, 8, 12)
    flow[:, 0] = 4.0
    once = Trajectories()(cells, flow)
    assert once.flatten().tolist() == [1, 2, 2, 4, 5, 5]
    assert Trajectories()(once, flow).flatten().tolist() == [2, 2, 2, 5, 5, 5]


def test_a_flow_within_a_cell_is_its_mean() -> None:
    flow = torch.zeros(1, 2, 4, 8)
    flow[:, 0, :, :4] = torch.tensor([0.0, 0.0, 4.0, 5.0])  # 2.25 of 4 pixels: the next cell
    assert Trajectories()(torch.arange(2).view(1, 1, 2), flow).flatten().tolist() == [1, 1]
    flow[:, 0, :, :4] = torch.tensor([0.0, 0.0, 3.0, 4.0])  # 1.75
    assert Trajectories()(torch.arange(2).view(1, 1, 2), flow).flatten().tolist() == [0, 1]


# -- what is read there


@pytest.mark.parametrize("size", SIZES)
def test_squares_are_pooled_as_by_loops(size: int) -> None:
    keys = keys_of(count=3, batch=2)
    key = torch.randint(3, (2, 6), generator=torch.Generator().manual_seed(1))
    cell = keys.cells[:, 0]
    found = read_squares(keys.values, key, cell, size=size)
    for b, position in np.ndindex(2, 6):
        row, column = divmod(int(cell[b, position]), 3)
        top, left = (CELL * at + 2 - (size - CELL) // 2 for at in (row, column))
        square = keys.values[key[b, position], b, top : top + size, left : left + size].permute(2, 0, 1)
        row, column = (CELL * at for at in divmod(position, 3))
        wanted = F.adaptive_avg_pool2d(square, CELL)
        torch.testing.assert_close(found[b, :, row : row + CELL, column : column + CELL], wanted, rtol=0, atol=1e-14)


def test_likeness_is_the_cosine_of_tokens() -> None:
    keys = keys_of(count=3, batch=2)
    frame = torch.rand(2, 3, 8, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found, queries = likeness(unit_tokens(frame), keys), unit_tokens(frame)
    for b, k, cell in np.ndindex(2, 3, 6):
        row, column = divmod(cell, 3)
        token = frame[b, :, CELL * row : CELL * (row + 1), CELL * column : CELL * (column + 1)].flatten()
        assert torch.equal(queries[b, cell], token / token.norm())
        assert found[b, k, cell] == pytest.approx(float(queries[b, cell] @ keys.tokens[k, b, keys.cells[b, k, cell]]))


def test_a_few_keys_at_a_time_are_all_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = keys_of(count=5)
    queries = unit_tokens(torch.rand(1, 3, 8, 12, dtype=torch.float64))
    wanted = likeness(queries, keys)
    with Largest() as whole:
        likeness(queries, keys)
    monkeypatch.setattr(module, "_MOST", 2 * queries.numel())
    with Largest() as parts:
        assert torch.equal(likeness(queries, keys), wanted)
    assert (whole.elements, parts.elements) == (5 * queries.numel(), 2 * queries.numel())


def test_two_maps_are_kept_of_a_key() -> None:
    keys, attention = keys_of(count=4, height=64, width=96), TrajectoryAttention(3).double().requires_grad_(False)
    one = 3 * 64 * 96
    assert keys.tokens.numel() == 4 * one
    assert keys.values.numel() == 4 * 3 * 68 * 100
    frame = torch.rand(1, 3, 64, 96, dtype=torch.float64)
    with Largest() as largest, Calls() as calls:
        attention(frame, frame, keys)
    assert largest.elements == 4 * one, "the tokens that are compared; what is read is less"
    assert calls.count < 130


def test_equal_keys_are_the_first() -> None:
    keys = keys_of(count=2)
    keys.tokens[1] = keys.tokens[0]
    keys.cells[:, 1] = keys.cells[:, 0]
    attention = TrajectoryAttention(3).double().requires_grad_(False)
    frame = torch.rand(1, 3, 8, 12, dtype=torch.float64)
    both = attention(frame, frame, keys)
    keys.cells = keys.cells[:, :1]
    assert torch.equal(attention(frame, frame, keys), both)


def test_attention_has_the_gradient_of_finite_differences() -> None:
    attention = TrajectoryAttention(2).double().requires_grad_(False)
    cells = torch.randint(2, (1, 2, 2), generator=torch.Generator().manual_seed(0))

    def attended(anchor: Tensor, frame: Tensor, *maps: Tensor) -> Tensor:
        keys = Keys(frame, room=2)
        keys.add(*maps[:2])
        keys.add(*maps[2:])
        keys.cells = cells
        result: Tensor = attention(anchor, frame, keys)
        return result

    generator = torch.Generator().manual_seed(0)
    maps = (torch.randn(6, 1, 2, 4, 8, generator=generator, dtype=torch.float64)).unbind()
    assert torch.autograd.gradcheck(attended, [one.clone().requires_grad_() for one in maps], fast_mode=True)


# -- the whole


def test_everything_gets_a_gradient() -> None:
    network, clip = small().requires_grad_(True), frames(given=5, height=16, width=12).requires_grad_()
    network(clip).square().mean().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert clip.grad is not None and all(bool(part.any()) for part in clip.grad.unbind(1))


def test_nothing_waits_for_a_device() -> None:
    """No value decides what is computed next: without any, on the device that has none, everything runs."""
    assert small().to("meta")(torch.empty(1, 5, 3, 8, 8, device="meta")).shape == (1, 5, 3, 32, 32)


def test_half_precision_keeps_the_choice_of_keys_in_full_precision() -> None:
    network, clip = small(), frames(given=5, height=16, width=16)
    with torch.inference_mode():
        wanted = network(clip)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            made = network(clip)
    assert float((made - wanted).abs().mean()) < 0.02 * float(wanted.abs().max())


def test_other_sizes_are_refused() -> None:
    with pytest.raises(DataError, match="multiples of 4"):
        small()(frames(given=2, height=8, width=10))


def test_a_file_as_the_authors_save_it_is_the_whole_network() -> None:
    state = {**weights("ttvsr", "public"), "step_counter": torch.zeros(1)}
    with torch.device("meta"):
        network = ttvsr()
    assert sum(parameter.numel() for parameter in network.parameters()) == GOLDEN.parameters == 6_773_615
    network.load_state_dict(translate(state, "ttvsr-release"), assign=True)  # strict
    with pytest.raises(DataError, match=r"LTAM\.other"):
        from_release({"generator.LTAM.other.weight": torch.zeros(1)})
