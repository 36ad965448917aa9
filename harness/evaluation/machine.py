"""What machine this is: the versions, device, processor and code that a number was measured with.

Every value is text, because it is kept in records and shown to people. Nothing here identifies a person: no user
name, no paths. torch is imported inside the functions, so that `harness doctor` can speak where torch is broken.
"""

import os
import platform
import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

from harness import __version__

_CHECKOUT = Path(__file__).resolve().parents[2]
_DECIDES_NUMBERS = ("harness", "methods", "datasets", "pyproject.toml")


def environment() -> dict[str, str]:
    """Everything about this process that can change a number or a duration.

    Returns:
        harness, python, numpy, os, host, cpu, cpu_cores, torch, torch_threads, cuda, cudnn, gpu, and in a checkout
        of the harness commit and dirty ("true" when a file that decides numbers differs from the commit). A key
        whose thing this machine does not have ("cuda", "gpu", "commit", ...) is left out.
    """
    facts = {
        "harness": __version__,
        "python": platform.python_version(),
        "numpy": version_of("numpy"),
        "os": f"{platform.system()} {platform.release()} {platform.machine()}",
        "host": platform.node(),
        "cpu": cpu_model(),
        "cpu_cores": str(usable_cores()),
        **_torch_facts(),
        **git_state(_CHECKOUT),
    }
    return {key: value for key, value in facts.items() if value}


def version_of(distribution: str) -> str:
    """The installed version of a package; empty where it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def usable_cores() -> int:
    """Cores that this process may use, which in a container are often fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_model() -> str:
    """The processor's name as its maker gives it."""
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        found = re.search(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", listing.read_text(), re.MULTILINE)
        if found:
            return found[1].strip()
    return _output("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor() or platform.machine()


def machine_state() -> dict[str, str]:
    """What else the machine is doing now: load, GPU clock, temperature and throttling. Empty where unknown."""
    state = {}
    if hasattr(os, "getloadavg"):
        state["load_1min"] = f"{os.getloadavg()[0]:.2f}"
    if shutil.which("nvidia-smi"):
        wanted = "clocks.sm,clocks.max.sm,temperature.gpu,clocks_throttle_reasons.active"
        reading = _output("nvidia-smi", f"--query-gpu={wanted}", "--format=csv,noheader")
        state["gpu_clock_max_temperature_throttle"] = "; ".join(reading.splitlines())
    return {key: value for key, value in state.items() if value}


def git_state(checkout: Path) -> dict[str, str]:
    """`commit` and `dirty` of a checkout; empty when `checkout` is not the top of a git work tree.

    An installed package lies inside somebody else's checkout (their .venv): that one's commit says nothing.
    """
    if _output("git", "-C", str(checkout), "rev-parse", "--show-toplevel") != str(checkout):
        return {}
    commit = _output("git", "-C", str(checkout), "rev-parse", "--verify", "HEAD")
    if not commit:
        return {}
    changed = _output("git", "-C", str(checkout), "status", "--porcelain", "--", *_DECIDES_NUMBERS)
    return {"commit": commit, "dirty": "true" if changed else "false"}


def _torch_facts() -> dict[str, str]:
    try:
        import torch  # noqa: PLC0415
    except (ImportError, OSError):  # OSError: a library of torch's that the loader cannot find
        return {}
    facts = {"torch": torch.__version__, "torch_threads": str(torch.get_num_threads())}
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        cudnn = torch.backends.cudnn.version()
        facts["cuda"] = torch.version.cuda or ""
        facts["cudnn"] = "" if cudnn is None else str(cudnn)
        facts["gpu"] = ", ".join(names)
    return facts


def _output(*command: str) -> str:
    """What a command prints; empty when it is missing, fails or hangs."""
    # A git hook's GIT_DIR would answer for another repository.
    surroundings = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True, env=surroundings)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
