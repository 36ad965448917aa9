"""`harness doctor`: what is here, what is missing, and what to do about it."""

import json
import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Literal

import typer

from harness.cli.common import Cards, DataRoot, Json, Results, data_root, results_folder
from harness.errors import HarnessError

State = Literal["ok", "note", "broken"]

OPERATORS = {
    "resize": "harness.ops.resize",
    "warp": "harness.ops.warp",
    "deform_conv": "harness.ops.deform_conv",
    "farneback": "harness.flow.farneback",
    "spynet": "harness.flow.spynet",
    "variational": "harness.flow.variational",
}
"""Operator -> module that must import. One with several implementations, or with weights, has a function `explain`,
which says what is in use and why. A new operator is one line here."""

_MODULES = {
    "lpips": "lpips",
    "mkdocs-material": "material",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "scikit-image": "skimage",
}
_SIGNS: dict[State, tuple[str, str]] = {"ok": ("ok", "green"), "note": ("--", "yellow"), "broken": ("!!", "red")}


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's.

    Args:
        section: what it belongs to.
        name: what was looked at.
        state: ok; note, worth knowing; broken, without it the harness does not work.
        text: what was found, and what to do.
    """

    section: str
    name: str
    state: State
    text: str


def doctor(data: DataRoot = None, results: Results = None, cards: Cards = None, json_: Json = False) -> None:
    """Check this machine: versions, devices, extras, folders, operators. Exit code 2 when something is broken."""
    findings = [
        *_packages(),
        *_devices(),
        *_extras(),
        *_operators(),
        *_video(),
        *_folders(data_root(data), results_folder(results)),
        *_cards(cards or []),
    ]
    broken = [finding for finding in findings if finding.state == "broken"]
    if json_:
        report = {"ok": not broken, "environment": _environment(), "findings": [asdict(line) for line in findings]}
        typer.echo(json.dumps(report, indent=1))
    else:
        _show(findings)
    if broken:
        raise typer.Exit(2)


def requirements() -> dict[str, list[str]]:
    """What the installed package asks for by extra, the core under ""; empty where it runs uninstalled."""
    try:
        lines = metadata.requires("stvsr-harness") or []
    except metadata.PackageNotFoundError:
        return {}
    wanted: dict[str, list[str]] = {}
    for line in lines:
        name = re.match(r"[A-Za-z0-9._-]+", line)
        extra = re.search(r"extra == ['\"]([^'\"]+)", line)
        if name:
            wanted.setdefault(extra[1] if extra else "", []).append(name[0])
    return wanted


def _show(findings: list[Finding]) -> None:
    width = max(len(finding.name) for finding in findings)
    section = ""
    for finding in findings:
        if finding.section != section:
            section = finding.section
            typer.secho(section, bold=True)
        sign, colour = _SIGNS[finding.state]
        typer.echo("  " + typer.style(sign, fg=colour) + f"  {finding.name:<{width}}  {finding.text}")
    broken = sum(finding.state == "broken" for finding in findings)
    typer.echo(
        f"\n{broken} broken: the harness does not work until that is mended." if broken else "\nNothing is broken."
    )


def _packages() -> Iterator[Finding]:
    good = sys.version_info >= (3, 11)
    text = platform.python_version() + ("" if good else ": 3.11 or newer is wanted")
    yield Finding("Versions", "python", "ok" if good else "broken", text)
    for name in requirements().get("", ["torch", "numpy"]):
        try:
            import_module(_module(name))
        except (ImportError, OSError) as error:  # OSError: a shared library that the loader cannot find
            yield Finding(
                "Versions", name, "broken", f"does not import ({error}): pip install --force-reinstall {name}"
            )
        else:
            yield Finding("Versions", name, "ok", _version(name))


def _devices() -> Iterator[Finding]:
    facts = _environment()
    cores = f"{facts['cpu']}, {facts['cpu_cores']} cores"
    if "torch" not in facts:
        yield Finding("Devices", "cpu", "ok", cores)
        return
    yield Finding("Devices", "cpu", "ok", f"{cores}, torch uses {facts['torch_threads']} threads (OMP_NUM_THREADS)")
    if "gpu" in facts:
        text = f"{facts['gpu']} · CUDA {facts.get('cuda', '?')} · cuDNN {facts.get('cudnn', '?')}"
        yield Finding("Devices", "cuda", "ok", text)
    elif "+cpu" in facts["torch"]:
        yield Finding("Devices", "cuda", "note", "this torch is built for the CPU alone; all runs on the CPU")
    else:
        yield Finding("Devices", "cuda", "note", "torch finds no GPU; all runs on the CPU")


def _extras() -> Iterator[Finding]:
    for extra, names in requirements().items():
        missing = [name for name in names if not _version(name)]
        if not extra:
            continue
        if missing:
            text = f"without {', '.join(missing)}: pip install 'stvsr-harness[{extra}]'"
            yield Finding("Extras", extra, "note", text)
        else:
            yield Finding("Extras", extra, "ok", ", ".join(f"{name} {_version(name)}" for name in names))


def _operators() -> Iterator[Finding]:
    for name, module in OPERATORS.items():
        try:
            explain = getattr(import_module(module), "explain", None)
        except (ImportError, OSError) as error:
            yield Finding("Operators", name, "broken", f"{module} does not import ({error})")
        else:
            yield Finding("Operators", name, "ok", explain() if explain else "own PyTorch operator")


def _video() -> Iterator[Finding]:
    if find_spec("av") is None:
        yield Finding(
            "Video", "PyAV", "note", "not installed, video files cannot be read: pip install 'stvsr-harness[video]'"
        )
    else:
        try:
            av = import_module("av")
            codec = ".".join(map(str, av.library_versions["libavcodec"]))
            yield Finding("Video", "PyAV", "ok", f"{av.__version__} with its own FFmpeg (libavcodec {codec})")
        except (ImportError, OSError) as error:
            yield Finding("Video", "PyAV", "note", f"does not import ({error}): pip install --force-reinstall av")
    program = which("ffmpeg")
    yield Finding("Video", "ffmpeg", "ok" if program else "note", program or "no such program; not needed")


def _folders(data: Path, results: Path) -> Iterator[Finding]:
    weights = Path(os.environ.get("HARNESS_WEIGHTS", "weights"))
    yield _readable("data", data, "HARNESS_DATA or --data-root; the demo datasets need none")
    yield _readable("weights", weights, "HARNESS_WEIGHTS; the baselines need none")
    yield _writable("results", results, "HARNESS_RESULTS or --results")


def _readable(name: str, folder: Path, hint: str) -> Finding:
    if not folder.is_dir():
        return Finding("Folders", name, "note", f"{folder}: no such folder ({hint})")
    if not os.access(folder, os.R_OK | os.X_OK):
        return Finding("Folders", name, "note", f"{folder}: not readable ({hint})")
    held = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    return Finding(
        "Folders", name, "ok", f"{folder}: {', '.join(held[:8]) or 'empty'}{', …' if len(held) > 8 else ''}"
    )


def _writable(name: str, folder: Path, hint: str) -> Finding:
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Finding("Folders", name, "note", f"{folder}: not writable, runs cannot be kept ({hint})")
    return Finding("Folders", name, "ok", str(folder) if folder.is_dir() else f"{folder}: made by the first run")


def _cards(folders: list[Path]) -> Iterator[Finding]:
    from harness.cards import CardLibrary, DatasetCard, MethodCard, ProtocolCard, card_folders, shipped_folder

    yield Finding("Cards", "shipped", "ok", str(shipped_folder("methods").parent))
    try:
        library = CardLibrary(card_folders(folders))
        for folder in library.folders:
            yield Finding("Cards", "yours", "ok", str(folder))
        for kind, title in ((MethodCard, "methods"), (DatasetCard, "datasets"), (ProtocolCard, "protocols")):
            names = library.names(kind)
            for name in names:
                library.load(kind, name)
            text = f"{len(names)}, all valid" if names else "none: the package is not whole, install it again"
            yield Finding("Cards", title, "ok" if names else "broken", text)
    except HarnessError as error:
        yield Finding("Cards", "cards", "broken", " ".join(str(error).split()))


def _environment() -> Mapping[str, str]:
    from harness.evaluation.machine import environment

    return environment()


def _module(distribution: str) -> str:
    return _MODULES.get(distribution, distribution.replace("-", "_"))


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
