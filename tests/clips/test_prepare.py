"""Prepared LR frames: identical to computed ones, resumed, never in the way of anybody's files."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harness.cards import CardLibrary, DatasetCard, Manifest
from harness.clips import prepare
from harness.clips.benchmark import Clip, open_benchmark
from harness.clips.degradation import STAMP, LrFrames
from harness.clips.images import Pixels, read_image
from harness.clips.prepare import prepare_lr
from harness.clips.stream import stream_windows
from harness.clips.tensors import reduced
from harness.clips.windows import plan_windows
from harness.errors import DataError
from tests.clips.making import noise, two_clips, write_frames


@pytest.fixture
def pair(tmp_path: Path) -> tuple[DatasetCard, Manifest]:
    return two_clips(tmp_path)


def first_clip(root: Path, pair: tuple[DatasetCard, Manifest]) -> tuple[Clip, Path]:
    """The clip and the folder of its LR frames, opened anew."""
    clip = open_benchmark(*pair, data_root=root).clips[0]
    assert clip.lr_folder == root / "pair" / "LR_bicubic_x4" / "one"
    return clip, clip.lr_folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def lr_of(clip: Clip) -> torch.Tensor:
    windows = plan_windows(clip.frames, rate=2, windows=CardLibrary().protocol("tmnet").windows)
    return torch.cat([frames.lr for frames in stream_windows(clip, windows, scale=4)])


def test_prepared_frames_are_the_computed_ones(tmp_path: Path, pair: tuple[DatasetCard, Manifest]) -> None:
    clip, folder = first_clip(tmp_path, pair)
    truth, computed = contents(tmp_path / "pair" / "GT"), lr_of(clip)
    ticks: list[int] = []
    assert prepare_lr(clip, on_frame=lambda: ticks.append(1))
    assert len(ticks) == clip.frames
    assert sorted(path.name for path in folder.iterdir()) == sorted([STAMP, *(f"{i}.png" for i in range(7))])
    assert contents(tmp_path / "pair" / "GT") == truth
    for index, frame in enumerate(clip.read()):
        made = reduced(frame, scale=4).permute(1, 2, 0).numpy()
        assert np.array_equal(read_image(folder / f"{index}.png"), made)
    assert torch.equal(lr_of(first_clip(tmp_path, pair)[0]), computed)


def test_they_are_read_and_not_made_again(
    tmp_path: Path, pair: tuple[DatasetCard, Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, folder = first_clip(tmp_path, pair)
    prepare_lr(clip)
    before = contents(folder)
    monkeypatch.setattr("harness.clips.tensors.lr_from_hr", None)
    assert not prepare_lr(clip)
    assert lr_of(clip).shape == (4, 3, 6, 8)
    assert contents(folder) == before
    with pytest.raises(TypeError):  # of another scale there are none
        LrFrames(clip, scale=2).get(0, next(clip.read()))


def test_other_pixels_are_found_out(tmp_path: Path, pair: tuple[DatasetCard, Manifest]) -> None:
    clip, folder = first_clip(tmp_path, pair)
    prepare_lr(clip)
    Image.fromarray(255 - read_image(folder / "2.png")).save(folder / "2.png")
    with pytest.raises(DataError, match=r"2\.png should be as it was prepared"):
        lr_of(clip)


def test_frames_that_were_lost_are_made_again(tmp_path: Path, pair: tuple[DatasetCard, Manifest]) -> None:
    clip, folder = first_clip(tmp_path, pair)
    prepare_lr(clip)
    before = contents(folder)
    (folder / "2.png").unlink()
    with pytest.raises(DataError, match=r"2\.png cannot be read"):
        lr_of(clip)
    assert prepare_lr(clip)
    assert contents(folder) == before


def test_frames_of_another_source_are_not_used(tmp_path: Path, pair: tuple[DatasetCard, Manifest]) -> None:
    prepare_lr(first_clip(tmp_path, pair)[0])
    write_frames(tmp_path / "pair" / "GT" / "one", noise(7, 24, 32, seed=5))
    clip, folder = first_clip(tmp_path, pair)
    wanted = reduced(next(clip.read()), scale=4)
    assert torch.equal(LrFrames(clip, scale=4).get(0, next(clip.read())), wanted)
    assert prepare_lr(clip)
    assert np.array_equal(read_image(folder / "0.png"), wanted.permute(1, 2, 0).numpy())


@pytest.mark.parametrize("stamp", ["", "{}", "[1]", '{"kernel": "other", "scale": 4, "source": "x", "frames": {}}'])
def test_a_stamp_that_makes_no_sense_is_no_stamp(
    tmp_path: Path, pair: tuple[DatasetCard, Manifest], stamp: str
) -> None:
    clip, folder = first_clip(tmp_path, pair)
    prepare_lr(clip)
    whole = (folder / STAMP).read_text()
    (folder / STAMP).write_text(stamp)
    assert torch.equal(LrFrames(clip, scale=4).get(0, next(clip.read())), reduced(next(clip.read()), scale=4))
    assert prepare_lr(clip)
    assert json.loads((folder / STAMP).read_text()) == json.loads(whole)


def test_goes_on_where_it_stopped(
    tmp_path: Path, pair: tuple[DatasetCard, Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, folder = first_clip(tmp_path, pair)

    class KilledError(Exception):
        pass

    count = 0

    def stop() -> None:
        nonlocal count
        count += 1
        if count == 3:
            raise KilledError

    with pytest.raises(KilledError):
        prepare_lr(clip, on_frame=stop)
    (folder / ".2.png.1.part").write_bytes(b"half a frame")
    times = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.png")}
    assert sorted(times) == ["0.png", "1.png", "2.png"]
    assert not (folder / STAMP).exists()
    made: list[int] = []

    def counted(source: Pixels, *, scale: int) -> torch.Tensor:
        made.append(1)
        return reduced(source, scale=scale)

    monkeypatch.setattr(prepare, "reduced", counted)
    assert prepare_lr(first_clip(tmp_path, pair)[0])
    assert len(made) == 4
    assert {name: (folder / name).stat().st_mtime_ns for name in times} == times
    assert sorted(path.name for path in folder.iterdir()) == sorted([STAMP, *(f"{i}.png" for i in range(7))])


def test_half_done_work_on_another_source_is_not_kept(tmp_path: Path, pair: tuple[DatasetCard, Manifest]) -> None:
    clip, folder = first_clip(tmp_path, pair)
    prepare_lr(clip)
    (folder / STAMP).rename(folder / ".started-by-harness.json")
    write_frames(tmp_path / "pair" / "GT" / "one", noise(7, 24, 32, seed=5))
    clip, _ = first_clip(tmp_path, pair)
    assert prepare_lr(clip)
    assert torch.equal(lr_of(clip)[0], reduced(next(clip.read()), scale=4) / 255)


def test_frames_that_others_made_are_left_alone(tmp_path: Path, pair: tuple[DatasetCard, Manifest]) -> None:
    clip, folder = first_clip(tmp_path, pair)
    write_frames(folder, noise(7, 6, 8, seed=3))
    before, computed = contents(folder), lr_of(clip)
    with pytest.raises(DataError, match="frames that this program did not make"):
        prepare_lr(clip)
    assert contents(folder) == before
    assert torch.equal(computed[0], reduced(next(clip.read()), scale=4) / 255)


def test_a_folder_that_cannot_be_written(tmp_path: Path, pair: tuple[DatasetCard, Manifest]) -> None:
    clip, folder = first_clip(tmp_path, pair)
    folder.parent.write_text("in the way")
    with pytest.raises(DataError, match="are to be written to"):
        prepare_lr(clip)


def test_a_full_disk_leaves_no_half_frames(
    tmp_path: Path, pair: tuple[DatasetCard, Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, folder = first_clip(tmp_path, pair)
    write = Path.write_bytes

    def fill(path: Path, content: bytes) -> int:
        assert path.name.startswith(".")  # never under its own name before it is whole
        if path.name.startswith(".3.png"):
            write(path, content[:20])
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(DataError, match="No space left on device"):
        prepare_lr(clip)
    assert sorted(path.name for path in folder.glob("*")) == [".started-by-harness.json", "0.png", "1.png", "2.png"]
    monkeypatch.undo()
    assert prepare_lr(clip)


def test_a_damaged_source_frame_is_named(tmp_path: Path, pair: tuple[DatasetCard, Manifest]) -> None:
    path = tmp_path / "pair" / "GT" / "one" / "4.png"
    path.write_bytes(path.read_bytes()[:-100])
    clip, folder = first_clip(tmp_path, pair)
    with pytest.raises(DataError, match=r"4\.png is damaged"):
        prepare_lr(clip)
    assert not (folder / STAMP).exists()


def test_what_lies_in_the_program_needs_none() -> None:
    card = CardLibrary().dataset("demo-slow")
    benchmark = open_benchmark(card, Manifest(), data_root=Path("nowhere"))
    assert not prepare_lr(benchmark.clips[0])
