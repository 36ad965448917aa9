"""Where reference numbers lie: tests/references/NETWORK.npz and .json, made with the salt "public"."""

import shutil
from pathlib import Path

from harness.networks.parity.golden import Golden

REFERENCES = Path(__file__).parents[1] / "references"


def golden(network: str) -> Golden:
    """What is known about the authors' network."""
    return Golden.read(REFERENCES / f"{network}.json")


def public(network: str, folder: Path) -> Path:
    """The reference of a network in `folder`, under the name that tells its salt."""
    return Path(shutil.copyfile(REFERENCES / f"{network}.npz", folder / "public.npz"))
