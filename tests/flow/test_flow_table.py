"""The table of flow estimators: lazy, complete, helpful."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.flow import FLOWS, get_flow
from harness.flow.base import FlowEstimator
from tests.flow.spynet_weights import as_default, random_state


@pytest.mark.parametrize("name", sorted(FLOWS))
def test_every_estimator_loads_under_its_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_default(random_state(), tmp_path, monkeypatch)
    estimator = get_flow(name)
    assert isinstance(estimator, FlowEstimator)
    assert estimator.name == name
    assert estimator.version >= 1


def test_unknown_names_are_answered_with_known_ones() -> None:
    with pytest.raises(UsageError, match="Did you mean 'farneback'"):
        get_flow("farnebäck")


def test_options_reach_the_constructor() -> None:
    estimator = get_flow("farneback", grey="release", quantise=False)
    assert (getattr(estimator, "grey_order"), getattr(estimator, "quantise")) == ("release", False)  # noqa: B009


def test_naming_the_estimators_does_not_import_torch() -> None:
    code = "import sys, harness.flow; print(list(harness.flow.FLOWS), 'torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == f"{list(FLOWS)} False"
