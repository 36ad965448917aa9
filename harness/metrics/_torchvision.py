"""Import torchvision, also where its compiled operators do not fit the installed torch.

PyPI's torchvision is built for CUDA. Beside a CPU build of torch its extension does not load, and the import stops
with "operator torchvision::nms does not exist", although the networks in it are plain Python. Declaring the two
operators that it asks for while it is imported is enough; they stay without an implementation.
"""

import importlib
import sys
import warnings
from types import ModuleType

import torch

from harness.errors import MissingExtraError

_SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
# A torch.library.Library withdraws its operators when it is garbage-collected.
_declared: list[torch.library.Library] = []


def import_torchvision() -> ModuleType:
    """Return torchvision; declare its two missing operators only if the plain import fails for want of them.

    Raises:
        MissingExtraError: if torchvision is not installed.
    """
    try:
        return _import()
    except ModuleNotFoundError as error:
        if error.name != "torchvision":
            raise
        raise MissingExtraError("torchvision", extra="lpips", purpose="LPIPS") from error
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    _declare_operators()
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]  # half imported
    return _import()


def _import() -> ModuleType:
    with warnings.catch_warnings():
        # Says that the image extension (decoding of files, which we do not use) could not be loaded.
        warnings.filterwarnings("ignore", message="Failed to load image Python extension", category=UserWarning)
        return importlib.import_module("torchvision")


def _declare_operators() -> None:
    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, operator):
            library.define(f"{operator}{_SIGNATURE}")
    _declared.append(library)
