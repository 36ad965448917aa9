"""The check: proven, plausible, wrong or missing, clip by clip."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.cards import ClipEntry, DatasetCard, Manifest
from harness.clips.benchmark import open_benchmark
from harness.clips.check import ClipReport, DataReport, check_benchmark
from harness.clips.images import image_files, read_image
from tests.clips.making import noise, two_clips, write_frames

Pair = tuple[DatasetCard, Manifest]


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return two_clips(tmp_path)


def checked(root: Path, pair: Pair) -> DataReport:
    return check_benchmark(open_benchmark(*pair, data_root=root))


def with_entry(pair: Pair, name: str, entry: ClipEntry) -> Pair:
    card, manifest = pair
    return card, manifest.model_copy(update={"clips": {**manifest.clips, name: entry}})


def test_right_data_is_proven(tmp_path: Path, pair: Pair) -> None:
    told: list[ClipReport] = []
    benchmark = open_benchmark(*pair, data_root=tmp_path)
    report = check_benchmark(benchmark, workers=2, on_clip=told.append)
    assert report.right
    assert [(clip.clip, clip.status, clip.frames) for clip in report.clips] == [
        ("one", "proven", 7),
        ("two", "proven", 9),
    ]
    assert sorted(clip.clip for clip in told) == ["one", "two"]
    assert report.folder == str(tmp_path / "pair")


def test_lossless_re_encoding_and_other_names_stay_proven(tmp_path: Path, pair: Pair) -> None:
    folder = tmp_path / "pair" / "GT" / "one"
    for number, path in enumerate(image_files(folder)):
        Image.fromarray(read_image(path)).save(folder / f"Frame {number + 98}.bmp")
        path.unlink()
    assert checked(tmp_path, pair).clips[0].status == "proven"


def test_one_level_in_one_pixel_is_found(tmp_path: Path, pair: Pair) -> None:
    path = tmp_path / "pair" / "GT" / "two" / "8.png"
    pixels = read_image(path)
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(path)
    report = checked(tmp_path, pair)
    assert not report.right
    (wrong,) = report.having("wrong")
    assert wrong.clip == "two"
    assert "not the published ones" in wrong.wrong


def test_swapped_frames_are_found(tmp_path: Path, pair: Pair) -> None:
    folder = tmp_path / "pair" / "GT" / "two"
    (folder / "3.png").rename(folder / "x")
    (folder / "4.png").rename(folder / "3.png")
    (folder / "x").rename(folder / "4.png")
    assert [clip.clip for clip in checked(tmp_path, pair).having("wrong")] == ["two"]


def test_a_frame_that_was_cut_short_is_named(tmp_path: Path, pair: Pair) -> None:
    path = tmp_path / "pair" / "GT" / "one" / "6.png"
    path.write_bytes(path.read_bytes()[:-200])
    (wrong,) = checked(tmp_path, pair).having("wrong")
    assert "6.png is damaged" in wrong.wrong


def test_without_a_hash_a_clip_is_plausible(tmp_path: Path, pair: Pair) -> None:
    write_frames(tmp_path / "pair" / "GT" / "three", noise(3, 8, 8))
    report = checked(tmp_path, with_entry(pair, "three", ClipEntry(frames=3)))
    assert report.right
    (clip,) = report.having("plausible")
    assert clip.pixels is not None
    assert (clip.frames, clip.height, clip.width) == (3, 8, 8)


def test_missing_and_extra(tmp_path: Path, pair: Pair) -> None:
    write_frames(tmp_path / "pair" / "GT" / "bonus", noise(2, 8, 8))
    report = checked(tmp_path, pair)
    assert report.right  # what is extra does no harm
    assert report.extra == ("bonus",)
    report = checked(tmp_path, with_entry(pair, "three", ClipEntry()))
    assert not report.right
    assert [clip.clip for clip in report.having("missing")] == ["three"]


def test_colours_in_another_order_are_found(tmp_path: Path, pair: Pair) -> None:
    for path in image_files(tmp_path / "pair" / "GT" / "one"):
        Image.fromarray(np.ascontiguousarray(read_image(path)[..., ::-1])).save(path)
    assert [clip.clip for clip in checked(tmp_path, pair).having("wrong")] == ["one"]
