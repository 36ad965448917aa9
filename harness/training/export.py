"""The result of a training: a safetensors file that says what it is and how it was made.

Its metadata hold the resolved method card (`card`) and the training record (`training`) as JSON. The keys are those
of the upscaler's state, so that a card can name the file under `[weights.TAG]`.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from harness.errors import DataError, TrainingError
from harness.files import whole_file
from harness.networks.state import read_metadata
from harness.training.folder import unwritable


def export(
    state: Mapping[str, Tensor],
    path: Path,
    *,
    card: Mapping[str, object],
    record: Mapping[str, object],
    half: bool = False,
) -> None:
    """Write weights, complete or not at all.

    Args:
        state: tensors by key; floating point becomes fp32, or fp16 with `half`.
        path: where to.
        card: the resolved method card, plain values.
        record: the training record, plain values.
        half: half the size; the network computes with what is left of the numbers.

    Raises:
        TrainingError: a weight is not finite (in fp16), or the disk is full.
    """
    dtype = torch.float16 if half else torch.float32
    tensors = {
        name: (value.detach().to("cpu", dtype) if value.is_floating_point() else value.detach().cpu()).contiguous()
        for name, value in state.items()
    }
    lost = [name for name, value in tensors.items() if not bool(value.isfinite().all())]
    if lost:
        raise TrainingError(
            "Weights are exported when all of them are finite.",
            found=f"{len(lost)} tensors that are not in {str(dtype).removeprefix('torch.')}, the first: {lost[0]}",
            todo="export without --half" if half else "train anew with a lower recipe.learning_rate",
        )
    metadata = {"format": "pt", "card": json.dumps(card), "training": json.dumps(record)}
    write_whole(path, save(tensors, metadata=metadata))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file wholly or not at all. Raises TrainingError."""
    try:
        with whole_file(path) as file:
            file.write(content)
    except OSError as error:
        raise unwritable(path, error) from error


def read_record(path: Path) -> tuple[dict[str, object], dict[str, object]]:
    """The card and the training record inside exported weights. Raises DataError where there are none."""
    metadata = read_metadata(path)
    try:
        return json.loads(metadata["card"]), json.loads(metadata["training"])
    except (KeyError, ValueError) as error:
        raise DataError(
            f"{path} should be weights that `harness train` has exported.", found=f"{type(error).__name__}: {error}"
        ) from error
