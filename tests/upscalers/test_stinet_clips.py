"""STINet over a whole clip: what windows have in common is made once, and no frame differs by a bit for it."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from harness.cards.protocol import Windows
from harness.clips.windows import plan_windows
from harness.upscalers.stinet import STINetUpscaler
from harness.upscalers.stinet import _STINetClip as Session
from tests.networks.clips import distance
from tests.upscalers.small_stinet import clip, small

GIVEN = 6


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


def windows(rate: int, *, size: int = 3) -> list[tuple[int, ...]]:
    """Windows over six given frames: each begins where the one before ends, the last one ends with the clip."""
    rules = Windows(input_frames={rate: size}, tail="append")
    return [window.inputs for window in plan_windows((GIVEN - 1) * rate + 1, rate=rate, windows=rules)]


def frames_at(inputs: Sequence[int], rate: int, lr_clip: Tensor) -> Tensor:
    return lr_clip[[index // rate for index in inputs]]


def alone(upscaler: STINetUpscaler, rate: int, window: Tensor, inputs: Sequence[int]) -> Tensor:
    """A window that is the first of its clip."""
    return next(upscaler.upscale_windows([(window, inputs)], rate))


def count(module: nn.Module, amount: Callable[[Tensor], int]) -> list[int]:
    """A list that gets what `amount` says of the first argument of every call."""
    calls: list[int] = []
    module.register_forward_pre_hook(lambda _module, arguments: calls.append(amount(arguments[0])))
    return calls


@pytest.mark.parametrize("rate", [2, 4])
def test_the_last_window_overlaps_more(rate: int) -> None:
    starts = [[index // rate for index in inputs] for inputs in windows(rate)]
    assert starts == [[0, 1, 2], [2, 3, 4], [3, 4, 5]]


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("rate", [2, 4])
def test_a_window_does_not_depend_on_those_before(rate: int) -> None:
    no_frame_differs(small(), rate)


@pytest.mark.parametrize("options", [{"flow": "none"}, {"base": "bicubic", "graph_edges": "causal"}], ids=str)
def test_nor_in_a_variant(options: dict[str, object]) -> None:
    no_frame_differs(small(**options), 2)


def no_frame_differs(upscaler: STINetUpscaler, rate: int) -> None:
    """A session that has seen earlier windows against fresh ones."""
    lr_clip = clip(GIVEN, height=12, width=17)
    session = Session(upscaler, rate)
    with torch.inference_mode():
        for inputs in windows(rate):
            window = frames_at(inputs, rate, lr_clip)
            later, fresh = session(window, inputs), alone(upscaler, rate, window, inputs)
            assert torch.equal(later, fresh), inputs


@pytest.mark.parametrize("rate", [2, 4, 6])
def test_a_window_is_that_of_the_plain_upscaler(rate: int) -> None:
    """But for rounding: frames and pairs go through the first layers one by one."""
    upscaler, lr_clip = small(), clip(GIVEN)
    session = Session(upscaler, rate)
    with torch.inference_mode():
        for inputs in windows(rate):
            window = frames_at(inputs, rate, lr_clip)
            assert distance(session(window, inputs), upscaler(window, rate)) < 1e-4


def test_windows_of_any_stride_and_order() -> None:
    """Steps of one, a leap, and back: whatever is known may be used, and nothing else."""
    upscaler, lr_clip = small(), clip(GIVEN, height=13, width=16)
    session = Session(upscaler, 2)
    with torch.inference_mode():
        for indices in ((0, 1, 2, 3), (1, 2, 3), (4, 5), (0, 1), (1, 3), (3, 4, 5), (2, 4)):
            inputs = tuple(2 * index for index in indices)
            window = frames_at(inputs, 2, lr_clip)
            assert torch.equal(session(window, inputs), alone(upscaler, 2, window, inputs)), indices


def test_rate_1_is_super_resolution_alone() -> None:
    upscaler, lr_clip = small(), clip(GIVEN)
    motion = count(upscaler.network.interpolation.motion, len)
    session = Session(upscaler, 1)
    with torch.inference_mode():
        for inputs in ((0, 1, 2), (2, 3, 4)):
            window = lr_clip[list(inputs)]
            assert torch.equal(session(window, inputs), alone(upscaler, 1, window, inputs))
            assert distance(session(window, inputs), upscaler(window, 1)) < 1e-4
    assert motion == []


@pytest.mark.parametrize("rate", [2, 4])
def test_every_frame_and_every_pair_goes_through_once(rate: int) -> None:
    upscaler, lr_clip = small(), clip(GIVEN)
    frames = count(upscaler.network.initialisation.super_resolution, len)
    pairs = count(upscaler.network.interpolation.motion, len)
    session = Session(upscaler, rate)
    with torch.inference_mode():
        for inputs in windows(rate):
            session(frames_at(inputs, rate, lr_clip), inputs)
    assert frames == [1] * GIVEN
    assert pairs == [1] * (GIVEN - 1)


def test_what_the_last_window_did_not_have_is_forgotten() -> None:
    upscaler, lr_clip = small(), clip(GIVEN)
    session = Session(upscaler, 2)
    frames = count(upscaler.network.initialisation.super_resolution, len)
    with torch.inference_mode():
        for inputs in windows(2):
            session(frames_at(inputs, 2, lr_clip), inputs)
            assert tuple(session.frames) == inputs
            assert tuple(session.pairs) == tuple(pairwise(inputs))
        session(frames_at((0, 2, 4), 2, lr_clip), (0, 2, 4))
    assert len(frames) == GIVEN + 3


def test_sessions_do_not_see_each_other() -> None:
    upscaler = small()
    one, other = clip(3, seed=1), clip(3, seed=2)
    with torch.inference_mode():
        sessions = [Session(upscaler, 2) for _ in range(2)]
        made = [session(frames, (0, 2, 4)) for session, frames in zip(sessions, (one, other), strict=True)]
        assert torch.equal(made[1], alone(upscaler, 2, other, (0, 2, 4)))
    assert distance(*made) > 0.1


def test_so_it_is_in_half_precision() -> None:
    upscaler, lr_clip = small(), clip(GIVEN)
    session = Session(upscaler, 2)
    for inputs in windows(2):
        window = frames_at(inputs, 2, lr_clip)
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            later = session(window, inputs)
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(later, alone(upscaler, 2, window, inputs))
        assert later.dtype == torch.float32
