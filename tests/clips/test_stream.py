"""The stream of windows: the official scripts' scores, every frame decoded once, errors and memory."""

import gc
import json
import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import pad

from harness.cards import CardLibrary, Windows
from harness.clips.clip import Clip
from harness.clips.stream import ClipStream, stream_windows
from harness.clips.windows import plan_windows
from harness.errors import UsageError
from harness.ops.resize import lr_from_hr, resize
from tests.clips.making import Memory, noise, pixel_hash

REFERENCES = Path(__file__).parents[1] / "references"
JOBS = {
    "zsm7": ("zooming-slow-mo", 2, None),
    "zsm3": ("zooming-slow-mo", 2, 2),
    "tms": ("tmnet", 2, None),
    "tmt5": ("tmnet", 4, None),
    "tmt7": ("tmnet", 6, None),
    "tmf7": ("tmnet", 2, None),
    "rstt4": ("rstt", 2, None),
    "rsttv": ("rstt", 2, None),
}
FOUR = Windows(input_frames={2: 4})


def stub(lr: Tensor, rate: int, *, padded: bool) -> Tensor:
    """The network of the reference runs: nearest x4, a shift by the mean, a blend in time."""
    height, width = lr.shape[-2:]
    if padded:
        lr = pad(lr, (0, -width % 4, 0, -height % 4))
    large = lr.repeat_interleave(4, -1).repeat_interleave(4, -2)
    known = 1.05 * large - 0.02 + 0.05 * lr.mean((1, 2, 3), keepdim=True)
    times = [k / rate for k in range(rate)]
    blended = [torch.lerp(a, b, t) for a, b in pairwise(known) for t in times]
    return torch.stack([*blended, known[-1]])[..., : 4 * height, : 4 * width]


def psnr_y(prediction: Tensor, truth: Tensor) -> Tensor:
    weights = torch.tensor([65.481, 128.553, 24.966], dtype=torch.float64).view(3, 1, 1) / 255
    difference = ((prediction.double() - truth.double()) * weights).sum(dim=1)
    return 10 * torch.log10(255**2 / difference.square().mean(dim=(1, 2)))


@pytest.mark.parametrize("job", JOBS)
def test_scores_of_the_official_scripts(job: str) -> None:
    protocol, rate, inputs = JOBS[job]
    results = json.loads((REFERENCES / "e2e_public.json").read_text())["results"][job]
    rules = CardLibrary().protocol(protocol).windows
    with np.load(REFERENCES / "e2e_public.npz") as data:
        for name in ("aa", "bb", "cc", "dd"):
            clip = Clip(name, Memory(data[f"{name}/gt"]))
            windows = plan_windows(clip.frames, rate=rate, windows=rules, input_frames=inputs)
            scores: dict[int, float] = {}
            for frames in stream_windows(clip, windows, scale=4):
                slots = [index - frames.window.outputs.start for index in frames.window.scored]
                made = stub(frames.lr, rate, padded=not job.startswith("rstt"))[slots]
                levels = (made.clamp(0, 1) * 255).round().to(torch.uint8)
                scores |= dict(zip(frames.window.scored, psnr_y(levels, frames.hr).tolist(), strict=True))
            key = next(key for key in results["frames"] if key.endswith(name))
            wanted = {frame["frame"]: frame["psnr_y"] for frame in results["frames"][key]}
            assert scores == pytest.approx(wanted, abs=2e-6)


def test_windows_hold_the_frames_that_they_name() -> None:
    frames = noise(11, 18, 27)  # 11: the last window is moved back and shares four frames with the first
    clip = Clip("x", Memory(frames))
    windows = plan_windows(11, rate=2, windows=FOUR)
    cut = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2)[..., :16, :24].contiguous()
    lr = lr_from_hr(cut, scale=4)
    given = list(stream_windows(clip, windows, scale=4))
    assert [item.window for item in given] == list(windows)
    for item in given:
        assert item.lr.dtype == torch.float32
        assert torch.equal(item.lr, lr[list(item.window.inputs)].float() / 255)
        assert item.hr.dtype == torch.uint8
        assert torch.equal(item.hr, cut[list(item.window.scored)])


def test_lr_of_a_reduced_source_is_made_from_the_source() -> None:
    frames = noise(7, 34, 52)
    clip = Clip("x", Memory(frames), source_scale=2)
    (item,) = stream_windows(clip, plan_windows(7, rate=2, windows=FOUR), scale=4)
    source = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2)[..., :32, :48].double()
    hr, lr = (resize(source, scale=scale).clamp(0, 255).round() for scale in (1 / 2, 1 / 8))
    assert torch.equal(item.hr.double(), hr)
    assert torch.equal((item.lr * 255).round().double(), lr[::2])
    from_hr = lr_from_hr(item.hr, scale=4)
    assert not torch.equal(from_hr[::2].double(), lr[::2])  # the other way would be another benchmark
    assert np.array_equal(np.stack(list(clip.read())).transpose(0, 3, 1, 2), item.hr.numpy())


def test_every_frame_is_decoded_once_and_hashed_the_dropped_tail_too() -> None:
    reader = Memory(noise(12, 16, 16))
    windows = plan_windows(12, rate=2, windows=Windows(input_frames={2: 4}, tail="drop"))
    with ClipStream(Clip("x", reader), windows, scale=4) as stream:
        with pytest.raises(UsageError, match="all its windows"):
            _ = stream.pixels
        assert [item.window.scored[-1] for item in stream] == [6]
        assert stream.pixels == pixel_hash(reader.frames)
    assert reader.read_so_far == 12
    assert list(stream) == []


def test_the_decoder_waits_for_the_consumer() -> None:
    reader = Memory(noise(200, 16, 16))
    windows = plan_windows(200, rate=2, windows=FOUR)
    with ClipStream(Clip("x", reader), windows, scale=4, read_ahead=2) as stream:
        next(iter(stream))
        deadline = time.monotonic() + 10
        while reader.read_so_far < 24 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)
        # One window is taken, two wait, a fourth is ready to be put: 4 * 6 + 1 frames.
        assert reader.read_so_far == 25


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "decode lonely"]


def test_leaving_early_stops_the_thread() -> None:
    clip = Clip("lonely", Memory(noise(100, 16, 16)))
    windows = plan_windows(100, rate=2, windows=FOUR)
    with ClipStream(clip, windows, scale=4) as stream:
        next(iter(stream))
        assert threads()
    assert not threads()
    generator = stream_windows(clip, windows, scale=4)
    next(generator)
    generator.close()  # type: ignore[attr-defined]
    assert not threads()


def test_a_forgotten_stream_stops_its_thread() -> None:
    windows = plan_windows(100, rate=2, windows=FOUR)
    stream = ClipStream(Clip("lonely", Memory(noise(100, 16, 16))), windows, scale=4)
    next(iter(stream))
    del stream
    gc.collect()
    deadline = time.monotonic() + 10
    while threads() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not threads()


def test_errors_reach_the_consumer_after_the_windows_before_them() -> None:
    clip = Clip("x", Memory(noise(30, 16, 16), fail_at=15))
    seen = []
    with (
        pytest.raises(OSError, match="the disk is gone"),
        ClipStream(clip, plan_windows(30, rate=2, windows=FOUR), scale=4) as stream,
    ):
        for item in stream:
            seen.append(item.window.outputs[-1])
    assert seen == [6, 12]


def test_a_scale_that_does_not_divide_the_frames() -> None:
    with pytest.raises(UsageError, match="scale 3, frames of 16x16"):
        ClipStream(Clip("x", Memory(noise(7, 16, 16))), plan_windows(7, rate=2, windows=FOUR), scale=3)
