"""STINet on SPyNet's flow: the option, what of it is part of a record's key, and what is refused."""

from pathlib import Path

import pytest
import torch

from harness.cards import CardLibrary, Overrides
from harness.errors import CardError, DataError
from harness.flow.spynet import SPyNetFlow
from harness.networks.state import sha256_of
from harness.upscalers.build import build_upscaler
from tests.flow.spynet_weights import as_default, random_state
from tests.upscalers.small_stinet import SMALL, clip, small

LIBRARY = CardLibrary()


def versions(*assignments: str) -> dict[str, str]:
    """What decides the numbers of a small STINet, besides its weights."""
    options = [f"options.{name}={value}" for name, value in SMALL.items()]
    card = Overrides.parse([*options, *assignments]).apply(LIBRARY.method("stinet"))
    return build_upscaler(card, LIBRARY, untrained=True).network_versions


def test_the_network_gets_its_flows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_default(random_state(), tmp_path, monkeypatch)
    upscaler, other = small(flow_estimator="spynet"), small()
    with torch.inference_mode():
        flows, wanted = upscaler.flows(clip(3)), SPyNetFlow().along(clip(3)[None])
        assert (upscaler(clip(3), 2) - other(clip(3), 2)).abs().max() > 1e-3
    assert flows is not None
    for found, expected in zip(flows, wanted, strict=True):
        torch.testing.assert_close(found, expected[0], rtol=1e-4, atol=1e-4)


def test_it_is_no_part_of_what_is_trained_and_goes_where_the_upscaler_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_default(random_state(), tmp_path, monkeypatch)
    upscaler = small(flow_estimator="spynet")
    assert upscaler.trained.state_dict().keys() == small().trained.state_dict().keys()
    learns = {name for name, parameter in upscaler.named_parameters() if parameter.requires_grad}
    assert learns == {name for name, parameter in small().named_parameters() if parameter.requires_grad}
    assert {parameter.device.type for parameter in upscaler.to("meta").parameters()} == {"meta"}


def test_other_weights_are_another_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert versions()["flow:farneback"] == "1"
    path = as_default(random_state(), tmp_path, monkeypatch)
    assert versions("options.flow_estimator=spynet")["flow:spynet"] == f"1+{sha256_of(path)}"
    before = versions("options.flow_estimator=spynet")
    as_default(random_state(salt="other"), tmp_path, monkeypatch)
    assert versions("options.flow_estimator=spynet") != before


def test_without_weights_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_WEIGHTS", str(tmp_path))
    with pytest.raises(DataError, match=r"spynet-sintel-final\.pth"):
        versions("options.flow_estimator=spynet")


def test_the_grey_is_farnebacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_default(random_state(), tmp_path, monkeypatch)
    with pytest.raises(CardError, match="SPyNet sees colours"):
        versions("options.flow_estimator=spynet", "options.flow_grey=release")
