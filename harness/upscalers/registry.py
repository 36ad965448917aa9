"""Which networks exist, and what options they take. Data only: importing this loads no torch.

A network from outside comes as an installed package through the entry-point group `harness.networks`, or from a
file that the command line names (`--plugin FILE.py`), which calls `register`. Cards never bring code.
"""

import hashlib
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module, util
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ValidationError

from harness.cards.method import OptionValue
from harness.cards.validation import explain
from harness.errors import CardError, HarnessError, UsageError
from harness.names import suggest
from harness.upscalers.options import UpscalerOptions

Kind = Literal["space-time", "interpolator", "super-resolver"]


@dataclass(frozen=True)
class NetworkEntry:
    """One network: where its class and its options lie.

    Args:
        kind: what it does: space and time at once, or one stage of the two.
        target: `module:Class`, imported only when it is built.
        options: `module:Class` of its pydantic option model.
        version: counted up whenever the numbers it computes change; part of every record's key.
        learned: whether it needs weights.
    """

    kind: Kind
    target: str
    options: str = "harness.upscalers.options:UpscalerOptions"
    version: str = "1"
    learned: bool = False


_STAGE = "harness.upscalers.options:StageOptions"
_NETWORKS: dict[str, NetworkEntry] = {
    "nearest": NetworkEntry("interpolator", "harness.upscalers.interpolation:Nearest", _STAGE),
    "blend": NetworkEntry("interpolator", "harness.upscalers.interpolation:Blend", _STAGE),
    "farneback": NetworkEntry(
        "interpolator",
        "harness.upscalers.interpolation:FlowInterpolation",
        "harness.upscalers.options:FlowInterpolationOptions",
    ),
    "sepconv": NetworkEntry(
        "interpolator",
        "harness.upscalers.sepconv:SepConvInterpolator",
        "harness.upscalers.options:SepConvStageOptions",
        learned=True,
    ),
    "dain": NetworkEntry("interpolator", "harness.upscalers.dain:DAINInterpolator", _STAGE, learned=True),
    "abme": NetworkEntry(
        "interpolator",
        "harness.upscalers.abme:ABMEInterpolator",
        "harness.upscalers.options:ABMEStageOptions",
        learned=True,
    ),
    "bmbc": NetworkEntry(
        "interpolator",
        "harness.upscalers.bmbc:BMBCInterpolator",
        "harness.upscalers.options:BMBCStageOptions",
        learned=True,
    ),
    "bicubic": NetworkEntry("super-resolver", "harness.upscalers.super_resolution:Bicubic", _STAGE),
    "s-sr": NetworkEntry(
        "super-resolver",
        "harness.upscalers.s_sr:SSR",
        "harness.upscalers.options:SSRStageOptions",
        learned=True,
    ),
    "rcan": NetworkEntry(
        "super-resolver",
        "harness.upscalers.rcan:RCANSuperResolver",
        "harness.upscalers.options:RCANStageOptions",
        learned=True,
    ),
    "edvr": NetworkEntry(
        "super-resolver",
        "harness.upscalers.edvr:EDVRSuperResolver",
        "harness.upscalers.options:EDVRStageOptions",
        learned=True,
    ),
    "rbpn": NetworkEntry(
        "super-resolver",
        "harness.upscalers.rbpn:RBPNSuperResolver",
        "harness.upscalers.options:RBPNStageOptions",
        learned=True,
    ),
    "etdm": NetworkEntry(
        "super-resolver",
        "harness.upscalers.etdm:ETDMSuperResolver",
        _STAGE,
        learned=True,
    ),
    "ttvsr": NetworkEntry(
        "super-resolver",
        "harness.upscalers.ttvsr:TTVSRSuperResolver",
        "harness.upscalers.options:TTVSRStageOptions",
        learned=True,
    ),
    "stinet": NetworkEntry(
        "space-time",
        "harness.upscalers.stinet:STINetUpscaler",
        "harness.upscalers.options:STINetMethodOptions",
        learned=True,
    ),
    "rstt": NetworkEntry(
        "space-time",
        "harness.upscalers.rstt:RSTTUpscaler",
        "harness.upscalers.options:RSTTMethodOptions",
        learned=True,
    ),
    "videoinr": NetworkEntry(
        "space-time",
        "harness.upscalers.videoinr:VideoINRUpscaler",
        "harness.upscalers.options:VideoINRMethodOptions",
        learned=True,
    ),
    "davsr": NetworkEntry(
        "space-time",
        "harness.upscalers.davsr:DAVSRUpscaler",
        "harness.upscalers.options:DAVSRMethodOptions",
        learned=True,
    ),
    "starnet": NetworkEntry(
        "space-time",
        "harness.upscalers.starnet:STARnetUpscaler",
        "harness.upscalers.options:STARnetMethodOptions",
        learned=True,
    ),
    "zooming-slow-mo": NetworkEntry(
        "space-time",
        "harness.upscalers.zooming_slow_mo:ZoomingSlowMoUpscaler",
        "harness.upscalers.options:ZoomingSlowMoMethodOptions",
        learned=True,
    ),
    "tmnet": NetworkEntry(
        "space-time",
        "harness.upscalers.tmnet:TMNetUpscaler",
        "harness.upscalers.options:TMNetMethodOptions",
        learned=True,
    ),
}

T = TypeVar("T", bound=type)


def networks() -> dict[str, NetworkEntry]:
    """All networks by name: built in, from plug-ins, and, as far as known without loading them, from packages."""
    installed = {
        entry.name: NetworkEntry("space-time", entry.value, version=_package_version(entry)) for entry in _installed()
    }
    return {**installed, **_NETWORKS}


def find_network(name: str) -> NetworkEntry:
    """The entry of a network; one of an installed package is loaded. Raises UsageError with the closest names."""
    for entry in _installed(name) if name not in _NETWORKS else ():
        with _blamed_on(f"the installed package behind the network '{name}'"):
            cls = entry.load()
        if name not in _NETWORKS:
            register(name, kind=_kind_of(cls))(cls)
        _NETWORKS[name] = replace(_NETWORKS[name], version=_package_version(entry))
    if name not in _NETWORKS:
        raise UsageError(
            f"The network '{name}' is not part of this version.",
            todo=suggest(name, networks()) + " `harness list methods` shows which methods are ready.",
        )
    return _NETWORKS[name]


def _installed(name: str | None = None) -> list[EntryPoint]:
    return [entry for entry in entry_points(group="harness.networks") if name in (None, entry.name)]


def _package_version(entry: EntryPoint) -> str:
    return f"{entry.dist.name}-{entry.dist.version}" if entry.dist is not None else "unknown"


def _kind_of(cls: type) -> Kind:
    from harness.upscalers.base import Interpolator, SuperResolver  # noqa: PLC0415  (torch)

    if issubclass(cls, Interpolator):
        return "interpolator"
    return "super-resolver" if issubclass(cls, SuperResolver) else "space-time"


def register(name: str, *, kind: Kind = "space-time", version: str = "1", learned: bool = False) -> Callable[[T], T]:
    """Class decorator for plug-ins: makes an Upscaler (or a stage) known under `name`.

    A class attribute `Options` (a subclass of UpscalerOptions) types its options. Raises UsageError when the name
    is taken by another class.
    """

    def keep(cls: T) -> T:
        target = f"{cls.__module__}:{cls.__qualname__}"
        taken = _NETWORKS.get(name)
        if taken is not None and taken.target != target:
            raise UsageError(f"A network '{name}' exists already ({taken.target}).", todo="register another name.")
        options = f"{target}.Options" if hasattr(cls, "Options") else NetworkEntry.options
        _NETWORKS[name] = NetworkEntry(kind, target, options, version, learned)
        return cls

    return keep


def load_plugin(path: Path) -> None:
    """Run a plug-in file that the user named on the command line. Raises UsageError, also for its own errors."""
    name = f"harness_plugin_{path.stem}"
    spec = util.spec_from_file_location(name, path) if path.is_file() else None
    if spec is None or spec.loader is None:
        raise UsageError(f"--plugin {path}: a Python file is wanted.", found="no such file, or not Python")
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    before = set(_NETWORKS)
    with _blamed_on(f"--plugin {path}"):
        spec.loader.exec_module(module)
    # The version of a plug-in is its text: a changed file is another network.
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    for network in set(_NETWORKS) - before:
        _NETWORKS[network] = replace(_NETWORKS[network], version=digest)


@contextmanager
def _blamed_on(whom: str) -> Iterator[None]:
    """Whatever goes wrong in code from outside is told as that code's, with the line."""
    try:
        yield
    except HarnessError:
        raise
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise UsageError(
            f"{whom} stopped with an error.",
            found=f"{type(error).__name__}: {error} ({last.filename}, line {last.lineno})",
            todo="mend the code, or leave it out.",
        ) from error


def load_target(target: str) -> type:
    """Import `module:Class` (or `module:Outer.Inner`)."""
    module, _, path = target.partition(":")
    found: object = import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    if not isinstance(found, type):
        raise UsageError(f"'{target}' should be a class.", found=type(found).__name__)
    return found


def typed_options(name: str, options: dict[str, OptionValue]) -> UpscalerOptions:
    """The options of network `name` as its own model. Raises CardError naming the wrong key and close ones."""
    entry = find_network(name)
    model = load_target(entry.options)
    return validate_options(model, options, owner=f"network '{name}'")


def validate_options(model: type, options: dict[str, OptionValue], *, owner: str) -> UpscalerOptions:
    """`options` as `model`."""
    if not issubclass(model, BaseModel):
        raise UsageError(f"The options of {owner} must be a pydantic model.", found=model.__name__)
    try:
        return model.model_validate(options)  # type: ignore[return-value]
    except ValidationError as error:
        raise CardError(f"The options of {owner} do not fit.", found=explain(error, model)) from error
