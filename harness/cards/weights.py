"""Where files of weights lie, and what to say of one that does not. No torch: no file is opened."""

import os
from pathlib import Path, PurePosixPath

from harness.cards.library import shipped_folder
from harness.cards.method import WeightsFile
from harness.errors import DataError


def weights_folder(given: Path | None = None) -> Path:
    """Where weights lie: `given`, else HARNESS_WEIGHTS, else ./weights."""
    return given or Path(os.environ.get("HARNESS_WEIGHTS", "weights"))


def converted(file: str) -> str:
    """What `harness weights add` makes of a published file: tensors alone, under our names."""
    return str(PurePosixPath(file).with_suffix(".safetensors"))


def weights_path(file: str, folder: Path) -> Path:
    """Where a file of weights is, or should be.

    In the weights folder, as it was added or as it was published; else among those that are shipped.
    """
    places = (folder / converted(file), folder / file, shipped_folder("weights") / file)
    return next((place for place in places if place.is_file()), folder / file)


def find_weights(
    name: str, weights: WeightsFile, *, folder: Path, otherwise: str, then: str = "put the file there"
) -> Path:
    """The file of weights that is wanted.

    Args:
        name: what it is called in words.
        weights: the file, and where people get it.
        folder: the weights folder.
        otherwise: what can be done without it.
        then: what is to be done with the file.

    Raises:
        DataError: there is no such file.
    """
    path = weights_path(weights.file, folder)
    if not path.is_file():
        raise DataError(
            f"The weights '{name}' are wanted at {path}.",
            found="no such file",
            todo=f"get them from: {weights.source} (licence: {weights.licence})\n"
            f"      then: {then}\n"
            "      HARNESS_WEIGHTS names the folder of all weights, otherwise it is ./weights.\n"
            f"      Or {otherwise}",
        )
    return path
