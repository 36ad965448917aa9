"""Adobe240 from its videos."""

from pathlib import Path

import numpy as np
import pytest

from harness.cards import CardLibrary, ClipEntry, DatasetCard, Manifest
from harness.clips.benchmark import open_benchmark
from harness.clips.extract import extract, wanted_extractions
from harness.clips.images import read_image
from harness.clips.readers import VideoReader
from harness.errors import DataError
from tests.clips.making import noise, smooth, write_frames, write_video


@pytest.fixture
def card() -> DatasetCard:
    return CardLibrary().dataset("adobe240")


@pytest.fixture
def manifest(card: DatasetCard) -> Manifest:
    default = ClipEntry(width=96, height=64)
    return CardLibrary().manifest(card).model_copy(update={"default": default})


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    home = tmp_path / "adobe240" / "original_high_fps_videos"
    write_video(home / "IMG_0001.MOV", smooth(12, 64, 96))
    write_video(home / "img_0003.mp4", smooth(3, 64, 96))
    write_video(home / "720p_240fps_1.mov", smooth(2, 64, 96))  # a training video
    return home


def test_frames_as_the_papers_extract_them(
    tmp_path: Path, videos: Path, card: DatasetCard, manifest: Manifest
) -> None:
    tasks = wanted_extractions(card, manifest, data_root=tmp_path)
    assert [(task.clip, task.video.name) for task in tasks] == [
        ("IMG_0001", "IMG_0001.MOV"),
        ("IMG_0003", "img_0003.mp4"),
    ]
    assert [extract(task) for task in tasks] == [12, 3]
    folder = tmp_path / "adobe240" / "test" / "IMG_0001"
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{index}.png" for index in range(12))
    for index, frame in enumerate(VideoReader(videos / "IMG_0001.MOV").read()):
        assert np.array_equal(read_image(folder / f"{index}.png"), frame)
    benchmark = open_benchmark(card, manifest, data_root=tmp_path)
    assert [(clip.name, clip.frames) for clip in benchmark.clips] == [("IMG_0001", 12), ("IMG_0003", 3)]
    assert wanted_extractions(card, manifest, data_root=tmp_path) == ()


def test_goes_on_where_it_stopped(tmp_path: Path, videos: Path, card: DatasetCard, manifest: Manifest) -> None:
    (task, _) = wanted_extractions(card, manifest, data_root=tmp_path)
    frames = 0

    def stop() -> None:
        nonlocal frames
        frames += 1
        if frames == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(task, on_frame=stop)
    assert not task.folder.exists()  # nobody takes half a clip for a clip
    (unfinished,) = task.folder.parent.iterdir()
    times = {path.name: path.stat().st_mtime_ns for path in unfinished.iterdir()}
    assert len(times) == 5
    assert wanted_extractions(card, manifest, data_root=tmp_path)[0] == task
    assert extract(task) == 12
    assert {name: (task.folder / name).stat().st_mtime_ns for name in times} == times
    assert not unfinished.exists()


def test_frames_of_two_videos_are_never_mixed(
    tmp_path: Path, videos: Path, card: DatasetCard, manifest: Manifest
) -> None:
    (task, _) = wanted_extractions(card, manifest, data_root=tmp_path)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(task, on_frame=stop)
    write_video(task.video, noise(4, 64, 96))
    assert extract(task) == 4
    for index, frame in enumerate(VideoReader(task.video).read()):
        assert np.array_equal(read_image(task.folder / f"{index}.png"), frame)


def test_folders_that_are_there_are_left_alone(
    tmp_path: Path, videos: Path, card: DatasetCard, manifest: Manifest
) -> None:
    mine = write_frames(tmp_path / "adobe240" / "GT" / "IMG_0001", noise(2, 64, 96))
    before = {path.name: path.read_bytes() for path in mine.iterdir()}
    (task,) = wanted_extractions(card, manifest, data_root=tmp_path)
    assert (task.clip, task.folder.parent) == ("IMG_0003", mine.parent)
    task.folder.mkdir()
    with pytest.raises(DataError, match="it is left alone"):
        extract(task)
    assert {path.name: path.read_bytes() for path in mine.iterdir()} == before


def test_two_videos_for_one_clip(tmp_path: Path, videos: Path, card: DatasetCard, manifest: Manifest) -> None:
    write_video(videos / "more" / "IMG_0001.mp4", smooth(2, 64, 96))
    with pytest.raises(DataError, match="One video of 'IMG_0001'"):
        wanted_extractions(card, manifest, data_root=tmp_path)


def test_a_video_that_was_cut_short_gives_no_clip(
    tmp_path: Path, videos: Path, card: DatasetCard, manifest: Manifest
) -> None:
    video = videos / "IMG_0001.MOV"
    video.write_bytes(video.read_bytes()[:-300])
    task = wanted_extractions(card, manifest, data_root=tmp_path)[0]
    with pytest.raises(DataError, match=r"IMG_0001\.MOV"):
        extract(task)
    assert not task.folder.exists()


def test_nothing_to_extract(tmp_path: Path, card: DatasetCard, manifest: Manifest) -> None:
    assert wanted_extractions(card, manifest, data_root=tmp_path) == ()
