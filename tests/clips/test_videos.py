"""Video files: the frames that OpenCV decodes, counted before they are read."""

import struct
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from harness.clips.images import Pixels
from harness.clips.readers import VideoReader
from harness.clips.videos import is_video
from harness.errors import DataError, MissingExtraError
from tests.clips.making import noise, smooth, write_video

KINDS = [("a.mp4", "mpeg4"), ("a.mov", "mpeg4"), ("a.mkv", "mpeg4"), ("a.avi", "mpeg4"), ("a.webm", "libvpx-vp9")]


def opencv_frames(path: Path) -> list[Pixels]:
    video = cv2.VideoCapture(str(path))
    frames: list[Pixels] = []
    while True:
        there, frame = video.read()
        if not there:
            return frames
        frames.append(np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), dtype=np.uint8))


@pytest.mark.parametrize(("name", "codec"), KINDS)
def test_frames_are_those_of_opencv(tmp_path: Path, name: str, codec: str) -> None:
    path = write_video(tmp_path / name, smooth(11, 64, 96), codec=codec)
    reader = VideoReader(path)
    assert (len(reader), reader.size) == (11, (64, 96))
    frames = list(reader.read())
    assert len(frames) == 11
    # Other FFmpeg builds may round the conversion from YUV otherwise, by a level.
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(frames, opencv_frames(path), strict=True)) <= 1


def test_lossless_video_gives_its_pixels(tmp_path: Path) -> None:
    frames = noise(5, 32, 48)
    reader = VideoReader(write_video(tmp_path / "a.mkv", frames, codec="ffv1", pixel_format="bgr0"))
    assert len(reader) == 5
    assert all(np.array_equal(a, b) for a, b in zip(reader.read(), frames, strict=True))
    assert reader.names == tuple(f"{index:08d}" for index in range(5))


def test_rotation_metadata_is_ignored(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mov", smooth(3, 64, 96))
    straight = list(VideoReader(path).read())
    raw = bytearray(path.read_bytes())
    matrix = raw.index(b"tkhd") + 4 + 40
    raw[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 64 << 16, 0, 1 << 30)
    turned = tmp_path / "turned.mov"
    turned.write_bytes(raw)
    video = cv2.VideoCapture(str(turned))
    assert video.get(cv2.CAP_PROP_ORIENTATION_META) == 90  # the file does say so
    assert VideoReader(turned).size == (64, 96)
    assert all(np.array_equal(a, b) for a, b in zip(VideoReader(turned).read(), straight, strict=True))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_videos_that_were_cut_short_are_named(tmp_path: Path, name: str) -> None:
    path = write_video(tmp_path / name, noise(8, 64, 96))
    whole = path.read_bytes()
    for length in (0, 100, len(whole) // 20):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=rf"The video .*{name}"):
            len(VideoReader(path))


def test_a_damaged_frame_is_an_error(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", noise(8, 64, 96))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(DataError, match="should hold 8 frames"):
        len(VideoReader(path))


def test_a_file_without_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("no video at all")
    with pytest.raises(DataError, match="cannot be read"):
        len(VideoReader(path))


def test_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_video(tmp_path / "a.mp4", smooth(2, 32, 32))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"stvsr-harness\[video\]"):
        len(VideoReader(path))


def test_what_a_video_is(tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    for name in ("a.MOV", "._a.mp4", "a.png"):
        (tmp_path / name).touch()
    assert [path.name for path in sorted(tmp_path.iterdir()) if is_video(path)] == ["a.MOV"]
