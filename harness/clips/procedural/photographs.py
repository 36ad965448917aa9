"""The photographs of the demo clips: PNG files that lie inside scikit-image's own wheel (0.24 to 0.26 checked).

Only PNG: it is lossless, so every decoder gives the same pixels, while JPEG decoders differ from build to build.
Only photographs that are CC0, public domain or without known restrictions, so that frames may be shown anywhere.
scikit-image is found, not imported (its import is slow), and its functions that download are never called. Colour
profiles are ignored. The decoded pixels are checked against the hashes below: another file cannot slip in unseen.

Conventions: uint8 RGB (H, W, 3); pixel (x, y) is photograph[y, x], its centre is the point (x, y).
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from harness.errors import DataError
from harness.names import suggest

Pixels = npt.NDArray[np.uint8]
Level = npt.NDArray[np.float32]

PHOTOGRAPHS: dict[str, str] = {
    "astronaut": "f07f3d10116fc8376881fcf59c4f7788959a240860bc47b9b1b59b4018a3640d",
    "brick": "886e6bf0333ecd2a17b7e76a78e5049d4e906caacfb4df5757f7f677ce9e6814",
    "camera": "8f84d23f9ceb95cdb5b48e86e9f480f5bb12b2c90e7155505c8edc2d00c7fa48",
    "chelsea": "f50e6b65b7850a7a859f13f4de2acb3bbd7c5061561ac3a97a82c7d394163c10",
    "coffee": "ca7ca91d1e2647cf66c2d9a1e1204e0f8b75fb19915ce6921afbb863ccd51ecf",
    "coins": "0f26b5f8167b452668de236916b1b60a74dc0a408b566339a0bd7ef779ec7286",
    "color": "4d074e7b53ca0b14d48ea55500588e8c80f35508590d966654946869a708b871",
    "grass": "cc303d666e43657bb9e11f4c93334fac650564712aeb7d669c043db65dec041a",
    "gravel": "216c70fe660683e35345957582a926bcea15b626287b1064e7eafe3491fa1bde",
    "ihc": "428ba4c6e7cdd258a4a68ff8a5b672dbc9690710f2eccfa5642ec6295d1a9f66",
    "moon": "bca0eb847d8ea879ca1f127ba80d6002e9037fb5cc377e28c21ec61f9ca85cf6",
    "page": "715ce134b8b43c98e75cf0757cf787d836bd274df69d31f31c17095fe0bc4ceb",
}
"""Name (the file's, without .png) to the sha256 of its decoded pixels, see `pixel_hash`."""


@lru_cache(maxsize=16)
def photograph(name: str) -> Pixels:
    """A photograph as uint8 RGB (H, W, 3), read-only; grey ones have three equal channels.

    Raises:
        DataError: the name is unknown, the file is missing, or its pixels are not the expected ones.
    """
    if name not in PHOTOGRAPHS:
        raise DataError(f"There is no photograph '{name}'.", todo=suggest(name, PHOTOGRAPHS))
    path = _folder() / f"{name}.png"
    try:
        with Image.open(path) as image:
            pixels = np.array(image.convert("RGB"))
    except OSError as error:
        raise _unusable(path, found=str(error)) from error
    found = pixel_hash(pixels)
    if found != PHOTOGRAPHS[name]:
        raise _unusable(path, found=f"pixels with sha256 {found} instead of {PHOTOGRAPHS[name]}")
    pixels.setflags(write=False)
    return pixels


@lru_cache(maxsize=32)
def mipmap(name: str, level: int) -> Level:
    """A photograph averaged over blocks of 2**level x 2**level pixels, float32 (H', W', 3) in [0, 255], read-only.

    Averages of four in float32 are exact here (8 bits and two more for each level), hence equal everywhere.
    """
    if level == 0:
        pixels = photograph(name).astype(np.float32)
    else:
        fine = mipmap(name, level - 1)
        fine = fine[: fine.shape[0] // 2 * 2, : fine.shape[1] // 2 * 2]
        rows = fine[0::2] + fine[1::2]
        pixels = (rows[:, 0::2] + rows[:, 1::2]) * np.float32(0.25)
    pixels.setflags(write=False)
    return pixels


def pixel_hash(pixels: Pixels) -> str:
    """Hex sha256 of the size and the RGB bytes of an image, uint8 (H, W, 3)."""
    height, width, _ = pixels.shape
    return hashlib.sha256(f"{width}x{height}:".encode() + pixels.tobytes()).hexdigest()


def _folder() -> Path:
    spec = find_spec("skimage")
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        raise DataError(
            "The demo clips need the photographs inside scikit-image.",
            found="scikit-image is not installed here",
            todo="pip install 'scikit-image>=0.24'",
        )
    return Path(places[0]) / "data"


def _unusable(path: Path, *, found: str) -> DataError:
    return DataError(
        f"The demo clips need the photograph {path} of scikit-image's wheel.",
        found=found,
        todo="reinstall it from PyPI: pip install --force-reinstall --no-deps 'scikit-image>=0.24'",
    )
