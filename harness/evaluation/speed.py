"""How long a method takes: warmed up, synchronised, every round kept, methods taking turns.

One window of a seeded moving clip goes through each method, A B A B ..., so that a machine that slows down slows
all of them; ratios are then taken round by round. Three durations a round, each per HR frame that the window gives
(an N-frame window at rate r gives (N-1) r + 1, which is how the field counts frames per second):

    whole           optical flow and network: tensors on the device in, tensors on the device out
    without flow    the flows are given; what the authors' codes time that prepare flow in the data loader
    with I/O        PNG decoding, transfers to and from the device, rounding, PNG encoding around the whole

and, of a two-stage method, both stages by themselves, each on what the other gives it.

Clips are (T, 3, h, w), RGB, float32, [0, 1]. Weights do not matter here: learned networks may be untrained.
"""

import ctypes
import gc
import re
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from harness.errors import UsageError
from harness.evaluation.machine import environment, machine_state
from harness.evaluation.precision import Precision, compute, device_title
from harness.records.speed import SpeedRecord, SpeedSetup
from harness.upscalers.base import Flows, Upscaler

VID4_SIZE = (720, 576)
"""Width and height of Vid4's HR frames; the paper's speeds are at this size."""

_PNG_LEVEL = 3  # as a run with --save-frames writes them


@dataclass(frozen=True)
class Subject:
    """A method that is ready to run on the device.

    Args:
        method: its name.
        upscaler: on the device, in evaluation mode.
        input_frames: frames of one window.
        card: the resolved card, as it goes into the record.
        network_versions: network -> version, as it goes into the record.
        untrained: whether it runs without its weights.
    """

    method: str
    upscaler: Upscaler
    input_frames: int
    card: dict[str, object] = field(default_factory=dict)
    network_versions: dict[str, str] = field(default_factory=dict)
    untrained: bool = False


@dataclass(frozen=True)
class SpeedPlan:
    """What is measured: HR size in pixels, rate, device, precision, and how often."""

    width: int = VID4_SIZE[0]
    height: int = VID4_SIZE[1]
    rate: int = 2
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: Precision = "fp32"
    repeats: int = 10
    warmup: int = 3

    def setup(self, subject: Subject) -> SpeedSetup:
        """The plan for one method. Raises UsageError where its scale does not divide the size."""
        scale = subject.upscaler.scale
        if self.width % scale or self.height % scale:
            raise UsageError(
                f"An HR size that {subject.method}'s scale {scale} divides is wanted.",
                found=f"{self.width}x{self.height}",
                todo=f"--size {self.width - self.width % scale}x{self.height - self.height % scale}",
            )
        if subject.input_frames < 2 or self.rate < 1 or self.repeats < 1 or self.warmup < 0:
            raise UsageError(
                "Speed wants a window of 2 frames, a rate of 1, 1 repeat and 0 warm-up rounds at least.",
                found=f"{subject.input_frames}, {self.rate}, {self.repeats} and {self.warmup}",
            )
        return SpeedSetup(
            width=self.width,
            height=self.height,
            scale=scale,
            rate=self.rate,
            input_frames=subject.input_frames,
            precision=self.precision,
            device=device_title(self.device),
        )


def measure_speed(
    subjects: Sequence[Subject], plan: SpeedPlan, *, command: str = "", on_round: Callable[[], None] = lambda: None
) -> tuple[SpeedRecord, ...]:
    """Measure all methods in one session, taking turns.

    Args:
        subjects: the methods, in the order of the records.
        plan: what is measured.
        command: the command line, for the records.
        on_round: called after every round of all methods, warm-up rounds included.

    Raises:
        UsageError: a size or a count that does not fit, or a window that does not fit the device's memory.
    """
    setups = [plan.setup(subject) for subject in subjects]
    session, state, surroundings = uuid.uuid4().hex, machine_state(), environment()
    with tempfile.TemporaryDirectory() as scratch, _memory_errors(plan):
        benches = [
            _Bench(subject, setup, plan, Path(scratch) / str(index))
            for index, (subject, setup) in enumerate(zip(subjects, setups, strict=True))
        ]
        counts = [bench.count() for bench in benches]
        rounds = []
        for _ in range(plan.warmup + plan.repeats):
            rounds.append([bench.turn() for bench in benches])
            on_round()
    measured = datetime.now(UTC).isoformat()
    records = []
    for index, (bench, count) in enumerate(zip(benches, counts, strict=True)):
        kept = [turn[index] for turn in rounds[plan.warmup :]]
        records.append(
            SpeedRecord(
                session=session,
                measured=measured,
                command=command,
                method=bench.subject.method,
                method_card=bench.subject.card,
                network_versions=bench.subject.network_versions,
                setup=bench.setup,
                warmup=plan.warmup,
                whole_ms=tuple(turn.whole for turn in kept),
                without_flow_ms=tuple(turn.without_flow for turn in kept),
                with_io_ms=tuple(turn.with_io for turn in kept),
                stages_ms={name: tuple(turn.stages[name] for turn in kept) for name in bench.stages},
                has_flow=bench.flows is not None,
                parameters=count.parameters,
                flops=count.flops,
                peak_memory_bytes=count.peak_memory_bytes,
                state=state,
                environment=surroundings,
            )
        )
    return tuple(records)


def moving_clip(frames: int, height: int, width: int, *, seed: int = 0) -> Tensor:
    """A textured picture that moves by (2, 1) pixels a frame: (frames, 3, height, width) in [0, 1], seeded."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = height + frames, width + 2 * frames
    coarse = torch.rand(1, 3, rows // 8 + 2, columns // 8 + 2, generator=generator)
    fine = torch.rand(1, 3, rows, columns, generator=generator)
    smooth = F.interpolate(coarse, size=(rows, columns), mode="bilinear", align_corners=False)
    picture = (0.8 * smooth + 0.2 * fine)[0]
    return torch.stack([picture[:, t : t + height, 2 * t : 2 * t + width] for t in range(frames)])


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what it was given; without it a GPU's time is that of queueing."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


@dataclass(frozen=True)
class _Turn:
    """Milliseconds per HR frame."""

    whole: float
    without_flow: float
    with_io: float
    stages: dict[str, float]


@dataclass(frozen=True)
class _Count:
    parameters: int
    flops: int
    peak_memory_bytes: int | None


class _Bench:
    """One method with its input, its flows and its files, ready to be timed."""

    def __init__(self, subject: Subject, setup: SpeedSetup, plan: SpeedPlan, folder: Path) -> None:
        self.subject, self.setup, self.plan = subject, setup, plan
        height, width = setup.height // setup.scale, setup.width // setup.scale
        clip = moving_clip(setup.input_frames, height, width)
        self.clip = clip.to(plan.device)
        folder.mkdir()
        self.sources = [folder / f"lr_{index}.png" for index in range(setup.input_frames)]
        self.targets = [folder / f"hr_{index}.png" for index in range(setup.output_frames)]
        _write_frames(clip, self.sources)
        with torch.inference_mode(), compute(plan.device, plan.precision):
            self.flows: Flows | None = subject.upscaler.flows(self.clip)
            self.stages = subject.upscaler.stages(self.clip, plan.rate)

    def turn(self) -> _Turn:
        """One round: the three durations, one after the other, then those of the stages."""
        whole = self._time(self._whole)
        without_flow = whole if self.flows is None else self._time(self._without_flow)
        with_io = self._time(self._with_io)
        return _Turn(whole, without_flow, with_io, {name: self._time(work) for name, work in self.stages.items()})

    def count(self) -> _Count:
        """Parameters, operations and memory of one window."""
        parameters = sum(parameter.numel() for parameter in self.subject.upscaler.parameters())
        peak = _peak_memory(self.plan.device, lambda: self._run(self._whole))
        # The counter sees operators as autograd does, so no inference_mode here.
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            self._whole()
        if peak is not None:
            tensors = (*self.subject.upscaler.parameters(), *self.subject.upscaler.buffers())
            peak += sum(tensor.nbytes for tensor in tensors)
        return _Count(parameters, round(counter.get_total_flops() / self.setup.output_frames), peak)

    def _time(self, work: Callable[[], object]) -> float:
        synchronise(self.plan.device)
        start = time.perf_counter()
        self._run(work)
        synchronise(self.plan.device)
        return (time.perf_counter() - start) * 1000 / self.setup.output_frames

    def _run(self, work: Callable[[], object]) -> None:
        with torch.inference_mode(), compute(self.plan.device, self.plan.precision):
            work()

    def _whole(self) -> None:
        self.subject.upscaler(self.clip, self.plan.rate)

    def _without_flow(self) -> None:
        self.subject.upscaler.upscale(self.clip, self.plan.rate, flows=self.flows)

    def _with_io(self) -> None:
        clip = _read_frames(self.sources).to(self.plan.device)
        _write_frames(self.subject.upscaler(clip, self.plan.rate), self.targets)


def _read_frames(paths: Iterable[Path]) -> Tensor:
    frames = []
    for path in paths:
        with Image.open(path) as image:
            frames.append(np.asarray(image))
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float().div_(255)


def _write_frames(clip: Tensor, paths: Iterable[Path]) -> None:
    frames = clip.float().clamp(0, 1).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    for frame, path in zip(frames, paths, strict=True):
        Image.fromarray(frame).save(path, compress_level=_PNG_LEVEL)


def _peak_memory(device: torch.device, work: Callable[[], None]) -> int | None:
    """The most that `work` takes beside what is taken already, in bytes; None where that cannot be told."""
    work()  # what is set up once (kernels, thread pools) is not the window's
    gc.collect()
    if device.type == "cuda":
        synchronise(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        synchronise(device)
        return torch.cuda.max_memory_allocated(device) - before
    if device.type != "cpu" or not _restart_peak():
        return None
    before = _resident("VmRSS")
    work()
    return max(0, _resident("VmHWM") - before)


def _restart_peak() -> bool:
    """Make Linux's record of this process's peak start again at what is resident now; False where it cannot."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)  # hand freed memory back, so that taking it again shows
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _resident(key: str) -> int:
    """A figure of this process in bytes, out of Linux's /proc/self/status."""
    found = re.search(rf"^{key}:\s*(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


@contextmanager
def _memory_errors(plan: SpeedPlan) -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise UsageError(
            f"A window of {plan.width}x{plan.height} does not fit the memory of {plan.device}.",
            found=str(error).partition(". ")[0],
            todo="measure fewer methods at once, or a smaller --size.",
        ) from error
