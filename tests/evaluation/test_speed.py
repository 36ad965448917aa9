"""Speed, by a clock that the tests turn: what is timed, in which turns, and per what."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from harness.errors import UsageError
from harness.evaluation import speed
from harness.evaluation.speed import SpeedPlan, Subject, measure_speed, moving_clip
from harness.upscalers.base import Flows, Upscaler
from harness.upscalers.interpolation import Blend
from harness.upscalers.options import TwoStageOptions
from harness.upscalers.super_resolution import Bicubic
from harness.upscalers.two_stage import SameSize, TwoStage

TINY = SpeedPlan(width=32, height=16, repeats=2, warmup=1)


class Clock:
    """Seconds that pass only where a stub says so, and a diary of who was called."""

    def __init__(self) -> None:
        self.now = 0.0
        self.diary: list[str] = []

    def __call__(self) -> float:
        return self.now


class Stub(Upscaler):
    """An upscaler that takes as long as it is told."""

    def __init__(self, clock: Clock, name: str, *, flow_s: float | None, network_s: float) -> None:
        super().__init__()
        self.clock, self.name, self.flow_s, self.network_s = clock, name, flow_s, network_s
        self.inputs: list[Tensor] = []

    def flows(self, lr_clip: Tensor) -> Flows | None:
        if self.flow_s is None:
            return None
        self.clock.now += self.flow_s
        self.clock.diary.append(f"{self.name} flow")
        flow = torch.zeros(len(lr_clip) - 1, 2, *lr_clip.shape[-2:])
        return flow, flow

    def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        self.clock.now += self.network_s
        self.clock.diary.append(f"{self.name} network")
        self.inputs.append(lr_clip.clone())
        frames = (len(lr_clip) - 1) * rate + 1
        return torch.zeros(frames, 3, lr_clip.shape[-2] * self.scale, lr_clip.shape[-1] * self.scale)


class Convolution(Upscaler):
    """One convolution of every input frame, then zeros of the right shape."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3, padding=1)

    def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
        self.convolution(lr_clip)
        frames = (len(lr_clip) - 1) * rate + 1
        return torch.zeros(frames, 3, lr_clip.shape[-2] * self.scale, lr_clip.shape[-1] * self.scale)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("harness.evaluation.speed.time.perf_counter", clock)
    return clock


def test_durations_are_milliseconds_per_frame_of_the_window(clock: Clock) -> None:
    stub = Stub(clock, "A", flow_s=0.070, network_s=0.140)
    (record,) = measure_speed([Subject("a", stub, 4)], TINY)  # 4 frames at rate 2 give 7
    assert record.setup.output_frames == 7
    assert record.whole_ms == pytest.approx((30.0, 30.0))
    assert record.without_flow_ms == pytest.approx((20.0, 20.0))
    assert record.with_io_ms == pytest.approx((30.0, 30.0))
    assert record.has_flow
    assert record.frames_per_second == pytest.approx(1000 / 30)


def test_a_method_without_flow_takes_the_same_without_it(clock: Clock) -> None:
    (record,) = measure_speed([Subject("a", Stub(clock, "A", flow_s=None, network_s=0.021), 2)], TINY)
    assert record.without_flow_ms == record.whole_ms == pytest.approx((7.0, 7.0))
    assert not record.has_flow


@pytest.mark.parametrize("order", ["interpolation-first", "super-resolution-first"])
def test_stages_are_timed_by_themselves(clock: Clock, order: str) -> None:
    """Two frames at rate 2: two or three are enlarged, one is made between, at the size of its turn."""

    class SlowBlend(Blend):
        def interpolate(self, clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
            clock.now += 0.003 * clip.shape[-1]
            return super().interpolate(clip, rate, flows=flows)

    class SlowBicubic(Bicubic):
        def super_resolve(self, clip: Tensor) -> Tensor:
            clock.now += 0.030 * len(clip)
            return super().super_resolve(clip)

    method = TwoStage(SlowBlend(), SlowBicubic(), options=TwoStageOptions.model_validate({"order": order}))
    (record,) = measure_speed([Subject("a", method, 2)], TINY)
    between, larger = (0.024, 0.090) if order == "interpolation-first" else (0.096, 0.060)
    assert record.stages_ms["interpolation"] == pytest.approx((1000 * between / 3,) * 2)
    assert record.stages_ms["super-resolution"] == pytest.approx((1000 * larger / 3,) * 2)
    assert record.whole_ms == pytest.approx((1000 * (between + larger) / 3,) * 2)
    (alone,) = measure_speed([Subject("a", TwoStage(SlowBlend(), SameSize()), 2)], TINY)
    assert alone.stages_ms == {}


def test_methods_take_turns(clock: Clock) -> None:
    subjects = [Subject(name, Stub(clock, name, flow_s=None, network_s=1), 2) for name in ("A", "B")]
    rounds: list[int] = []
    measure_speed(subjects, TINY, on_round=lambda: rounds.append(len(clock.diary)))
    last = clock.diary[rounds[0] : rounds[2]]
    assert last == ["A network", "A network", "B network", "B network"] * 2  # whole and with I/O each
    assert len(rounds) == TINY.warmup + TINY.repeats


def test_warm_up_rounds_do_not_count(clock: Clock) -> None:
    stub = Stub(clock, "A", flow_s=None, network_s=100)
    rounds = iter([1.0, 2.0, 3.0])

    def next_round() -> None:
        stub.network_s = 3 * next(rounds) / 1000

    (record,) = measure_speed([Subject("a", stub, 2)], TINY, on_round=next_round)
    assert record.whole_ms == pytest.approx((1.0, 2.0))
    assert record.warmup == 1


def test_a_method_against_itself_is_one(clock: Clock) -> None:
    subjects = [Subject("a", Stub(clock, "A", flow_s=0.1, network_s=1), 2) for _ in range(2)]
    first, second = measure_speed(subjects, TINY)
    assert second.ratio_to(first) == pytest.approx((1, 1, 1))
    assert first.session == second.session


def test_the_device_is_waited_for_before_and_after(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(device: torch.device) -> None:
        clock.now += 1
        clock.diary.append("wait")

    monkeypatch.setattr(speed, "synchronise", wait)
    rounds: list[int] = []
    plan = SpeedPlan(width=32, height=16, repeats=1, warmup=0)
    stub = Stub(clock, "A", flow_s=None, network_s=2)
    (record,) = measure_speed([Subject("a", stub, 2)], plan, on_round=lambda: rounds.append(len(clock.diary)))
    assert clock.diary[-6:] == ["wait", "A network", "wait"] * 2
    assert record.whole_ms == pytest.approx((1000.0,))  # 2 s of network and 1 s of waiting for it, 3 frames


def test_with_io_the_network_sees_the_decoded_png(clock: Clock) -> None:
    stub = Stub(clock, "A", flow_s=None, network_s=1)
    measure_speed([Subject("a", stub, 3)], TINY)
    clip = moving_clip(3, 4, 8)
    assert torch.equal(stub.inputs[-2], clip)
    assert stub.inputs[-1].shape == clip.shape
    assert (stub.inputs[-1] - clip).abs().max() <= 0.5 / 255 + 1e-6
    assert not torch.equal(stub.inputs[-1], clip)


def test_nothing_is_kept_for_gradients() -> None:
    seen: list[bool] = []

    class Watching(Convolution):
        def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
            seen.append(torch.is_grad_enabled())
            return super().upscale(lr_clip, rate, flows=flows)

    measure_speed([Subject("a", Watching(), 2)], TINY)
    assert seen
    assert not any(seen)


def test_parameters_and_operations_of_a_convolution() -> None:
    (record,) = measure_speed([Subject("a", Convolution(), 4)], TINY)
    assert record.parameters == 3 * 8 * 9 + 8
    # 4 frames of 4x8 pixels, 3 x 8 x 9 multiply-adds each, two operations a multiply-add, 7 HR frames
    assert record.flops == round(4 * 4 * 8 * 3 * 8 * 9 * 2 / 7)


def test_half_precision_reaches_the_network() -> None:
    types: set[torch.dtype] = set()

    class Watching(Convolution):
        def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
            types.add(self.convolution(lr_clip).dtype)
            return super().upscale(lr_clip, rate, flows=flows)

    plan = SpeedPlan(width=32, height=16, repeats=1, warmup=0, precision="bf16")
    (record,) = measure_speed([Subject("a", Watching(), 2)], plan)
    assert torch.bfloat16 in types
    assert record.setup.precision == "bf16"


def test_memory_of_a_window_is_what_it_takes() -> None:
    class Hungry(Convolution):
        def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
            torch.ones(64 * 2**20 // 4)
            return super().upscale(lr_clip, rate, flows=flows)

    (modest, hungry) = measure_speed([Subject("a", Convolution(), 2), Subject("b", Hungry(), 2)], TINY)
    if not Path("/proc/self/clear_refs").exists():  # told on Linux and on GPUs only
        assert hungry.peak_memory_bytes is None
        return
    assert modest.peak_memory_bytes is not None
    assert hungry.peak_memory_bytes is not None
    assert modest.peak_memory_bytes < 16 * 2**20
    assert 60 * 2**20 < hungry.peak_memory_bytes < 80 * 2**20


def test_the_clip_moves_by_two_and_one() -> None:
    clip = moving_clip(3, 20, 30, seed=5)
    assert clip.shape == (3, 3, 20, 30)
    assert torch.equal(clip[1, :, :-1, :-2], clip[0, :, 1:, 2:])
    assert 0 <= clip.min() < clip.max() <= 1
    assert torch.equal(clip, moving_clip(3, 20, 30, seed=5))
    assert not torch.equal(clip, moving_clip(3, 20, 30, seed=6))


@pytest.mark.parametrize(
    "plan", [SpeedPlan(width=33), SpeedPlan(height=30), SpeedPlan(repeats=0), SpeedPlan(warmup=-1), SpeedPlan(rate=0)]
)
def test_what_cannot_be_measured_is_said_before_any_time_is_spent(plan: SpeedPlan, clock: Clock) -> None:
    with pytest.raises(UsageError, match="Found: "):
        measure_speed([Subject("a", Stub(clock, "A", flow_s=None, network_s=1), 2)], plan)
    assert clock.diary == []


def test_a_full_device_is_an_error_for_people() -> None:
    class Full(Convolution):
        def upscale(self, lr_clip: Tensor, rate: int, *, flows: Flows | None) -> Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")

    with pytest.raises(UsageError, match="does not fit the memory of cpu"):
        measure_speed([Subject("a", Full(), 2)], TINY)


def test_waiting_for_the_cpu_is_nothing(clock: Clock) -> None:
    wait: Callable[[torch.device], None] = speed.synchronise
    wait(torch.device("cpu"))
    assert clock.now == 0
