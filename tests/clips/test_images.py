"""Image files: the same pixels as OpenCV decodes, and words for every file that is no frame."""

import random
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from harness.clips.images import image_files, image_size, natural, read_image
from harness.errors import DataError
from tests.clips.making import noise, write_frames

FRAME = noise(1, 18, 26)[0]


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "tiff", "PNG"])
def test_lossless_files_give_their_pixels(tmp_path: Path, ending: str) -> None:
    path = write_frames(tmp_path, [FRAME], name=lambda index: f"{index}.{ending}") / f"0.{ending}"
    assert image_size(path) == (18, 26)
    assert np.array_equal(read_image(path), FRAME)
    opened = cv2.imread(str(path))
    assert opened is not None
    assert np.array_equal(opened[..., ::-1], FRAME)


@pytest.mark.parametrize("ending", ["webp", "jpg", "jpeg"])
def test_lossy_files_can_be_read(tmp_path: Path, ending: str) -> None:
    frame = np.full((18, 26, 3), (200, 100, 50), dtype=np.uint8)
    path = write_frames(tmp_path, [frame], name=lambda index: f"{index}.{ending}") / f"0.{ending}"
    assert image_size(path) == (18, 26)
    assert np.abs(read_image(path).astype(int) - frame).max() <= 3


def test_grey_alpha_and_palette(tmp_path: Path) -> None:
    grey, alpha = FRAME[..., 0], np.dstack([FRAME, FRAME[..., :1]])
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(alpha).save(tmp_path / "alpha.png")
    Image.fromarray(grey).convert("P").save(tmp_path / "palette.png")
    assert np.array_equal(read_image(tmp_path / "grey.png"), np.dstack([grey] * 3))
    assert np.array_equal(read_image(tmp_path / "alpha.png"), FRAME)  # dropped, not blended
    assert np.array_equal(read_image(tmp_path / "palette.png"), np.dstack([grey] * 3))


def test_orientation_tags_are_ignored(tmp_path: Path) -> None:
    tags = Image.Exif()
    tags[0x0112] = 6  # "turn by 90 degrees"
    Image.fromarray(FRAME).save(tmp_path / "0.png", exif=tags)
    assert np.array_equal(read_image(tmp_path / "0.png"), FRAME)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("ending", ["png", "tif"])
def test_16_bits_are_refused(tmp_path: Path, channels: int, ending: str) -> None:
    deep = np.zeros((8, 9, channels), dtype=np.uint16)
    cv2.imwrite(str(tmp_path / f"deep.{ending}"), deep)
    for read in (image_size, read_image):
        with pytest.raises(DataError, match=r"8-bit.*\n.*(16 bits|mode)"):
            read(tmp_path / f"deep.{ending}")


@pytest.mark.parametrize("ending", ["jpg", "tif"])
def test_cmyk_is_refused(tmp_path: Path, ending: str) -> None:
    Image.fromarray(FRAME).convert("CMYK").save(tmp_path / f"0.{ending}")
    with pytest.raises(DataError, match="mode CMYK"):
        read_image(tmp_path / f"0.{ending}")


@pytest.mark.parametrize("ending", ["webp", "png", "tif"])
def test_animations_are_refused(tmp_path: Path, ending: str) -> None:
    first, second = Image.fromarray(FRAME), Image.fromarray(255 - FRAME)
    first.save(tmp_path / f"0.{ending}", save_all=True, append_images=[second])
    with pytest.raises(DataError, match="one image per file"):
        read_image(tmp_path / f"0.{ending}")


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("ending", ["png", "webp", "jpg", "bmp", "tif"])
def test_files_that_were_cut_short_are_named(tmp_path: Path, ending: str) -> None:
    path = write_frames(tmp_path, [FRAME], name=lambda index: f"{index}.{ending}") / f"0.{ending}"
    whole = path.read_bytes()
    for length in (0, 1, 30, len(whole) // 2, len(whole) - 40):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=rf"0\.{ending} is damaged"):
            read_image(path)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("ending", ["png", "webp", "bmp"])
def test_damage_never_gets_out_as_another_error(tmp_path: Path, ending: str) -> None:
    path = write_frames(tmp_path, [FRAME], name=lambda index: f"{index}.{ending}") / f"0.{ending}"
    whole, draw = path.read_bytes(), random.Random(0)
    damaged = 0
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(3):
            content[draw.randrange(min(len(content), draw.choice([60, 10_000])))] = draw.randrange(256)
        path.write_bytes(content)
        try:
            read_image(path)
        except DataError:
            damaged += 1
    assert damaged > 20


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.png cannot be read.*\n.*No such file"):
        read_image(tmp_path / "gone.png")


def test_frames_of_a_folder(tmp_path: Path) -> None:
    write_frames(tmp_path, noise(12, 8, 8), name=lambda index: f"Frame {index}.png")
    (tmp_path / "._Frame 0.png").write_bytes(b"left by another system")
    (tmp_path / "notes.txt").write_text("no frame")
    assert [path.stem for path in image_files(tmp_path)] == [f"Frame {index}" for index in range(12)]
    write_frames(tmp_path, noise(1, 8, 8), name=lambda _: "thumbnail.jpg")
    with pytest.raises(DataError, match="12 png, 1 jpeg"):
        image_files(tmp_path)


def test_natural_order() -> None:
    names = ["im10.png", "im9.png", "Im1.png", "b2a3.png", "b2a10.png", "b10a1.png", "7.png", "007.png"]
    assert sorted(names, key=natural) == [
        "007.png",
        "7.png",
        "b2a3.png",
        "b2a10.png",
        "b10a1.png",
        "Im1.png",
        "im9.png",
        "im10.png",
    ]


@given(st.lists(st.text(alphabet="aB1209_ .²", min_size=1, max_size=6), unique=True))
def test_natural_order_is_an_order(names: list[str]) -> None:
    backwards = sorted(names, key=natural, reverse=True)
    assert sorted(backwards, key=natural) == backwards[::-1]
    assert len({natural(name) for name in names}) == len(names)


@given(st.lists(st.integers(0, 10**6), unique=True))
def test_numbers_are_ordered_as_numbers(numbers: list[int]) -> None:
    names = [f"frame_{number}.png" for number in numbers]
    assert sorted(names, key=natural) == [f"frame_{number}.png" for number in sorted(numbers)]
