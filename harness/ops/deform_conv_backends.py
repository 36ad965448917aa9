"""Who computes deformable convolution: our own operator, or a compiled one of torchvision's or mmcv's.

Our own is the default, on every device: it bounds its memory, keeps positions in float32 when frames are in half
precision, compiles without graph breaks, and on a CPU was faster than mmcv's (0.19 against 0.35 s on a busy machine).
And a number then does not depend on what else is installed. The compiled operators agree with it to rounding;
`use_backend` asks for one of them, for this process, until it is called again.

Compiled operators are imported when they are asked for and believed when one tiny call succeeds: torchvision can be
installed and import without its operators, when it was built for another torch.
"""

import warnings
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from harness.errors import UsageError
from harness.names import suggest

Backend = Literal["auto", "pytorch", "torchvision", "mmcv"]
_COMPILED = ("torchvision", "mmcv")


class Geometry(NamedTuple):
    """How the kernel moves over the frame: in pixels, the same along both axes; and groups of the weight."""

    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1


Operator = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor | None, Geometry], Tensor]
"""(frames, offsets, mask, weight, bias, geometry) -> (B, O, H', W'), all in one dtype."""

_chosen: str = "pytorch"
_operator: Operator | None = None


def use_backend(name: Backend | str) -> str:
    """Choose who computes deformable convolution from now on, in this process.

    Args:
        name: "pytorch", our own; "torchvision" or "mmcv", a compiled one; "auto", what is best: "pytorch".

    Returns:
        The name of the backend in use, never "auto".

    Raises:
        UsageError: no such backend, or it does not work here; what was in use stays in use.
    """
    global _chosen, _operator  # noqa: PLW0603 - a choice for the whole process, as torch's own backend flags are
    if name not in get_args(Backend):
        raise UsageError(
            "No such backend of deformable convolution.", found=repr(name), todo=suggest(name, get_args(Backend))
        )
    if name in _COMPILED and (reason := why_not(name)):
        raise UsageError(
            f"The deformable convolution of {name} does not work here.",
            found=reason,
            todo=f"install a {name} that was built for torch {torch.__version__}, or use the backend pytorch",
        )
    _operator = _ADAPTERS[name] if name in _COMPILED else None
    _chosen = name if name in _COMPILED else "pytorch"
    return _chosen


def backend() -> str:
    """The backend in use: "pytorch", "torchvision" or "mmcv"."""
    return _chosen


def backend_version() -> str:
    """The compiled backend in use with its version, as `mmcv-2.2.0`; empty for our own."""
    return f"{_chosen}-{import_module(_chosen).__version__}" if _chosen in _COMPILED else ""


def compiled_operator() -> Operator | None:
    """The compiled operator in use; None for our own."""
    return _operator


def explain() -> str:
    """Which backend is in use, why, and what the others are, in one line."""
    title = (
        "own PyTorch operator, the default"
        if _chosen == "pytorch"
        else f"{_chosen}'s compiled operator, as asked for"
    )
    others = (f"{name}: {why_not(name) or 'works'}" for name in get_args(Backend)[1:] if name != _chosen)
    return f"{title}; --set ops.deform_conv=NAME for another ({'; '.join(others)})"


@cache
def why_not(name: str) -> str:
    """Why a backend cannot be used here; empty if it can. Imports a compiled one at the first call."""
    if name not in _COMPILED:
        return ""
    frames, points = torch.ones(1, 1, 3, 3), torch.ones(1, 9, 1, 1)
    try:
        with warnings.catch_warnings():
            # torchvision warns that its image decoders, which are not used here, do not load.
            warnings.simplefilter("ignore")
            result = _ADAPTERS[name](frames, torch.zeros(1, 18, 1, 1), points, frames, None, Geometry())
    except ModuleNotFoundError as error:
        return "not installed" if error.name == name else f"does not import ({error})"
    except (ImportError, OSError, AttributeError, RuntimeError) as error:
        return f"does not load ({str(error).splitlines()[0][:80]})"
    return "" if result.tolist() == [[[[9.0]]]] else "gives wrong numbers"


def _torchvision(
    frames: Tensor, offsets: Tensor, mask: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry
) -> Tensor:
    stride, padding, dilation, _ = geometry  # groups follow from the shape of the weight
    operator = import_module("torchvision.ops").deform_conv2d
    result: Tensor = operator(
        frames, offsets, weight, bias, stride=stride, padding=padding, dilation=dilation, mask=mask
    )
    return result


def _mmcv(
    frames: Tensor, offsets: Tensor, mask: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry
) -> Tensor:
    deformable_groups = mask.shape[1] // (weight.shape[2] * weight.shape[3])
    operator = import_module("mmcv.ops").modulated_deform_conv2d
    result: Tensor = operator(frames, offsets, mask, weight, bias, *geometry, deformable_groups)
    return result


_ADAPTERS: dict[str, Operator] = {"torchvision": _torchvision, "mmcv": _mmcv}
