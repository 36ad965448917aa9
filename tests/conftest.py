"""What all tests share."""

import os
from collections.abc import Iterator

import pytest

# Read when torch is loaded: threads that wait must not spin, or two of them take minutes where other work runs.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

from harness.upscalers import registry

# Two busy cores and a thread pool per worker are slower than one thread each.
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Random numbers are the same in every run of a test, whatever ran before it."""
    torch.manual_seed(0)


@pytest.fixture(scope="session", autouse=True)
def no_installed_networks() -> Iterator[None]:
    """Packages of networks that happen to be installed beside the harness change no test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "entry_points", lambda **_: ())
        yield


@pytest.fixture(scope="module", autouse=True)
def module_networks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Registers the networks that a test module lists in NETWORKS ((name, class, learned)), for that module alone."""
    before = dict(registry._NETWORKS)
    for name, cls, learned in getattr(request.module, "NETWORKS", ()):
        registry.register(name, learned=learned)(cls)
    yield
    registry._NETWORKS.clear()
    registry._NETWORKS.update(before)
