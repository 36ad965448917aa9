"""Two stages over the windows of a clip, frames by halves, windows that slide, and a stage by itself."""

from collections.abc import Iterable, Iterator, Sequence

import pytest
import torch
from torch import Tensor

from harness.cards.protocol import Windows
from harness.clips.windows import plan_windows
from harness.errors import UsageError
from harness.upscalers.base import SuperResolver
from harness.upscalers.interpolation import Blend
from harness.upscalers.middle_frame import MiddleFrame
from harness.upscalers.options import TwoStageOptions
from harness.upscalers.padding import to_multiple
from harness.upscalers.sliding import SlidingWindow
from harness.upscalers.two_stage import GivenFrames, SameSize, TwoStage


class Mean(MiddleFrame):
    """Half-way is the mean, and every call is counted."""

    calls = 0

    def middle(self, before: Tensor, after: Tensor) -> Tensor:
        self.calls += 1
        return (before + after) / 2


class Weighted(SlidingWindow):
    """Seven frames, each with a weight of its own: what is where shows in the sum. Mirrors at the ends."""

    weights = torch.tensor([1.0, 10, 100, 1000, 1e4, 1e5, 1e6], dtype=torch.float64)

    def centre(self, window: Tensor) -> Tensor:
        assert len(window) == 7
        return torch.einsum("t,tchw->chw", self.weights, window)

    def neighbours(self, centre: int, last: int | None) -> Sequence[int]:
        mirrored = [abs(index) for index in range(centre - 3, centre + 4)]
        return mirrored if last is None else [min(index, 2 * last - index) for index in mirrored]


class Recurrent(SuperResolver):
    """A running sum; two frames of look-ahead, which it does not need."""

    def super_resolve(self, clip: Tensor) -> Tensor:
        return clip.cumsum(0)

    def stream(self, frames: Iterable[Tensor]) -> Iterator[Tensor]:
        total: Tensor | float = 0.0
        held: list[Tensor] = []
        for frame in frames:
            total = total + frame
            held.append(total)
            if len(held) > 2:
                yield held.pop(0)
        yield from held


def numbered(frames: int) -> Tensor:
    """Frame t is t + 1 everywhere."""
    return torch.arange(1.0, frames + 1, dtype=torch.float64).view(-1, 1, 1, 1).expand(-1, 3, 4, 4)


def test_recursion_halves_again_and_again() -> None:
    clip = numbered(3)
    for rate in (1, 2, 4, 8):
        made = Mean().interpolate(clip, rate, flows=None)
        assert torch.equal(made, Blend().interpolate(clip, rate, flows=None))
    mean = Mean()
    mean.interpolate(clip, 4, flows=None)
    assert mean.calls == 2 + 4


@pytest.mark.parametrize("rate", [3, 6])
def test_other_rates_are_refused(rate: int) -> None:
    with pytest.raises(UsageError, match="powers of two"):
        Mean().check_rate(rate)
    with pytest.raises(UsageError, match="powers of two"):
        TwoStage(Mean(), Recurrent(scale=1)).check_rate(rate)


def test_padding_repeats_the_last_row_and_column() -> None:
    frames = torch.rand(1, 3, 5, 8)
    padded = to_multiple(frames, 8)
    assert padded.shape[-2:] == (8, 8)
    assert torch.equal(padded[..., 5:, :], frames[..., 4:, :].expand(-1, -1, 3, -1))
    assert to_multiple(padded, 4) is padded


@pytest.mark.parametrize("length", [4, 7, 8, 20])
def test_a_sliding_window_sees_all_of_its_neighbours(length: int) -> None:
    clip = numbered(length)
    sliding = Weighted(scale=1)
    last = length - 1
    expected = []
    for centre in range(length):
        indices = [abs(index) for index in range(centre - 3, centre + 4)]
        indices = [index if index <= last else 2 * last - index for index in indices]
        expected.append(torch.einsum("t,tchw->chw", sliding.weights, clip[indices]))
    assert torch.equal(sliding.super_resolve(clip), torch.stack(expected))


def test_a_sliding_window_reads_no_further_than_it_looks() -> None:
    read = 0

    def counted() -> Iterator[Tensor]:
        nonlocal read
        for frame in numbered(30):
            read += 1
            yield frame

    for index, _ in enumerate(Weighted(scale=1).stream(counted())):
        assert read <= min(index + 4, 30)


def windows_of(frames: int, *, rate: int, inputs: int) -> list[tuple[int, ...]]:
    rules = Windows(input_frames={rate: inputs}, tail="append")
    return [window.inputs for window in plan_windows(frames, rate=rate, windows=rules)]


@pytest.mark.parametrize("super_resolver", [Weighted(scale=1), Recurrent(scale=1)], ids=["sliding", "recurrent"])
def test_the_frames_of_all_windows_are_one_sequence(super_resolver: SuperResolver) -> None:
    """Twelve frames, windows of five: the last one takes inputs that the others have made."""
    frames, windows = numbered(12), windows_of(12, rate=2, inputs=3)
    assert windows == [(0, 2, 4), (4, 6, 8), (7, 9, 11)]
    between = [Blend().interpolate(frames[list(inputs)], 2, flows=None) for inputs in windows]
    whole = super_resolver.super_resolve(torch.cat([between[0], between[1][1:], between[2][2:]]))
    two_stage = TwoStage(Blend(), super_resolver)
    made = list(two_stage.upscale_windows([(frames[list(inputs)], inputs) for inputs in windows], 2))
    assert [len(window) for window in made] == [5, 5, 5]
    for inputs, window in zip(windows, made, strict=True):
        assert torch.equal(window, whole[inputs[0] : inputs[-1] + 1])


def test_super_resolution_first_takes_each_window_by_itself() -> None:
    frames, windows = numbered(9), windows_of(9, rate=2, inputs=3)
    options = TwoStageOptions(order="super-resolution-first")
    two_stage = TwoStage(Blend(), Recurrent(scale=1), options=options)
    given = [(frames[list(inputs)], inputs) for inputs in windows]
    for (window, _), made in zip(given, two_stage.upscale_windows(given, 2), strict=True):
        assert torch.equal(made, Blend().interpolate(window.cumsum(0), 2, flows=None))


def test_a_long_clip_is_read_as_it_is_needed() -> None:
    alive, most = 0, 0

    class Counting(SameSize):
        def super_resolve(self, clip: Tensor) -> Tensor:
            nonlocal alive
            alive += len(clip)
            return clip.clone()

    def windows() -> Iterator[tuple[Tensor, tuple[int, ...]]]:
        for start in range(0, 400, 4):
            yield torch.full((3, 3, 2, 2), float(start)), (start, start + 2, start + 4)

    two_stage = TwoStage(Blend(), Counting())
    for count, made in enumerate(two_stage.upscale_windows(windows(), 2), start=1):
        assert len(made) == 5
        most = max(most, alive - 4 * count)
    assert most <= 5


def test_a_stage_by_itself_leaves_the_other_half_alone() -> None:
    frames = numbered(4)
    assert torch.equal(TwoStage(GivenFrames(), Recurrent(scale=1))(frames, 1), frames.cumsum(0))
    assert torch.equal(TwoStage(Blend(), SameSize())(frames, 2), Blend().interpolate(frames, 2, flows=None))
    with pytest.raises(UsageError, match="rate 1"):
        TwoStage(GivenFrames(), Recurrent(scale=1)).check_rate(2)
