"""Device and precision: what the command line says, and what a record keeps of it."""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal, get_args

import torch

from harness.errors import UsageError

Precision = Literal["fp32", "tf32", "fp16", "bf16"]
_AUTOCAST: dict[str, torch.dtype] = {"fp16": torch.float16, "bf16": torch.bfloat16}


def find_device(name: str = "auto") -> torch.device:
    """`auto` is the first GPU where there is one, else the CPU. Raises UsageError for a device that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(
            f"The device '{name}' cannot be used.",
            found=str(error).splitlines()[0],
            todo="use --device cpu, or see `harness doctor`.",
        ) from error
    return device


def device_title(device: torch.device) -> str:
    """The device as records name it: `cpu`, or the GPU's own name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def check_precision(name: str) -> Precision:
    """`name` as a precision. Raises UsageError."""
    for known in get_args(Precision):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise UsageError(f"Unknown precision '{name}'.", todo="one of " + ", ".join(get_args(Precision)))


def compute(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """The context in which an upscaler runs. fp32 is strict: TF32 is used only where it is asked for.

    In half precision, convolutions that stay in float32 may use TF32, whose mantissa is that of fp16; matrix products
    may not.
    """
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision != "fp32"
    dtype = _AUTOCAST.get(precision)
    return nullcontext() if dtype is None else torch.autocast(device.type, dtype=dtype)
