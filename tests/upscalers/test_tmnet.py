"""Zooming Slow-Mo and TMNet as methods: padding, rates, which weights at which rate, flows where they are wanted."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from harness.cards import CardLibrary
from harness.errors import DataError, UsageError
from harness.flow.farneback import Farneback
from harness.networks.dbpn import dbpn
from harness.networks.tmnet.two_branches import TwoBranches
from harness.upscalers.build import build_upscaler
from harness.upscalers.options import TMNetMethodOptions, ZoomingSlowMoMethodOptions
from harness.upscalers.padded import PaddedUpscaler
from harness.upscalers.tmnet import TMNetUpscaler
from harness.upscalers.weights import recognised
from harness.upscalers.zooming_slow_mo import ZoomingSlowMoUpscaler
from tests.networks.clips import distance
from tests.networks.release import weights
from tests.upscalers.small_stinet import clip

LIBRARY = CardLibrary()
SIZES: dict[str, object] = {"channels": 8, "feature_blocks": 1, "reconstruction_blocks": 1}
HR: dict[str, object] = {"hr_features": True, "super_resolution_stages": 1}
TOLERANCE = 1e-5


def small(options: Mapping[str, object] | None = None, *, name: str = "tmnet") -> PaddedUpscaler:
    """Seeded; sampling and modulation are not zero."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        wanted = {**SIZES, **(options or {})}
        upscaler: PaddedUpscaler = (
            TMNetUpscaler(TMNetMethodOptions.model_validate(wanted))
            if name == "tmnet"
            else ZoomingSlowMoUpscaler(ZoomingSlowMoMethodOptions.model_validate(wanted))
        )
        for key, parameter in upscaler.named_parameters():
            if "offsets_and_mask" in key or "factors" in key:
                nn.init.normal_(parameter)
    return upscaler.eval()


VARIANTS = [{}, {"global_refinement": "graph"}, HR]


# -- conventions


@pytest.mark.parametrize("options", VARIANTS, ids=str)
@pytest.mark.parametrize("rate", [2, 4, 6])
def test_a_window_becomes_all_frames(rate: int, options: dict[str, object]) -> None:
    with torch.inference_mode():
        upscaled = small(options)(clip(3), rate)
    assert upscaled.shape == (2 * rate + 1, 3, 32, 36)
    assert upscaled.isfinite().all()


@pytest.mark.parametrize("name", ["tmnet", "zooming-slow-mo"])
def test_frames_are_padded_with_zeros_and_the_result_is_cropped(name: str) -> None:
    upscaler, given = small(name=name), clip(2, height=7, width=10)
    seen: list[torch.Tensor] = []
    upscaler.trained.register_forward_pre_hook(lambda _network, arguments: seen.append(arguments[0]))
    with torch.inference_mode():
        upscaled = upscaler(given, 2)
        padded = F.pad(given, (0, 2, 0, 1))
        assert torch.equal(upscaled, upscaler.trained(padded[None])[0, :, :, :28, :40])
    assert torch.equal(seen[0][0], padded)  # RGB in [0, 1], as it is


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_half_precision_stays_inside(options: dict[str, object]) -> None:
    upscaler, given = small(options), clip(2)
    with torch.inference_mode():
        expected = upscaler(given, 4)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            upscaled = upscaler(given, 4)
    assert upscaled.dtype == torch.float32
    assert 0 < (upscaled - expected).abs().mean() < 0.2 * expected.abs().mean()  # offsets of many pixels exaggerate


def test_rate_2_is_the_single_frame_mode_and_others_have_times_k_over_rate() -> None:
    upscaler, given = small(), clip(2, height=8, width=8)
    with torch.inference_mode():
        assert torch.equal(upscaler(given, 2), upscaler.trained(given[None])[0])
        at = torch.arange(1, 6)[None] / 6
        assert distance(upscaler(given, 6), upscaler.trained(given[None], times=at)[0]) < TOLERANCE
        assert distance(upscaler(given, 4)[2], upscaler(given, 6)[3]) < 0.1  # both half-way, in other sequences


@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize("name", ["tmnet", "zooming-slow-mo"])
def test_another_scale_is_refused(name: str, scale: int) -> None:
    with pytest.raises(UsageError, match=f"(?s)enlarges by 4.*scale {scale}"):
        build_upscaler(LIBRARY.method(name), LIBRARY, scale=scale, untrained=True)


@pytest.mark.parametrize(("name", "rates"), [("zooming-slow-mo", (1, 4, 6)), ("tmnet", (1,)), ("tmnet-w-hr", (1,))])
def test_a_rate_that_a_method_does_not_know_is_refused_before_anything_runs(
    name: str, rates: tuple[int, ...]
) -> None:
    for rate in rates:
        for untrained in (True, False):
            with pytest.raises(UsageError, match=f"(?s)rate 2.*rate {rate}"):
                build_upscaler(LIBRARY.method(name), LIBRARY, rate=rate, untrained=untrained)
    with pytest.raises(UsageError, match="rate"):
        small(name="tmnet" if "tmnet" in name else name)(clip(2), rates[0])


# -- flow


def test_flow_is_for_hr_features_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, with_hr, given = small(), small(HR), clip(3)
    assert with_hr.component_versions == {"flow:farneback": str(Farneback.version)}
    there, back = with_hr.flows(given) or (given, given)
    assert distance(there, Farneback()(given[:-1], given[1:])) < TOLERANCE
    assert distance(back, Farneback()(given[1:], given[:-1])) < TOLERANCE
    assert plain.component_versions == {}

    def never(*_: object) -> None:
        raise AssertionError("flow was asked for")

    monkeypatch.setattr(Farneback, "along", never)
    assert plain.flows(given) is None
    with torch.inference_mode():
        assert plain(given, 2).shape[0] == 5
        assert with_hr.upscale(given, 2, flows=(there, back)).shape[0] == 5


def test_flows_are_padded_with_the_frames() -> None:
    upscaler, given = small(HR), clip(2, height=6, width=9)
    flows = upscaler.flows(given)
    assert flows is not None
    with torch.inference_mode():
        padded = [F.pad(each, (0, 3, 0, 2))[None] for each in (given, *flows)]
        expected = upscaler.trained(*padded, times=(0.5,))[0, :, :, :24, :36]
        assert distance(upscaler.upscale(given, 2, flows=flows), expected) < TOLERANCE
        assert distance(upscaler(given, 2), expected) < TOLERANCE


# -- training's door


@pytest.mark.parametrize("options", VARIANTS, ids=str)
@pytest.mark.parametrize("rate", [2, 4])
def test_training_sees_the_frames_that_evaluation_sees(rate: int, options: dict[str, object]) -> None:
    upscaler, clips = small(options), torch.stack((clip(3), clip(3, seed=1)))
    with torch.inference_mode():
        supervised = upscaler.supervised(clips, rate=rate)
        expected = torch.stack([upscaler(each, rate) for each in clips])
    assert supervised.phase_1 == {}
    assert torch.equal(upscaler.normalise(clips), clips)
    assert distance(supervised.frames, expected) < TOLERANCE


# -- weights


def put(folder: Path, file: str, state: dict[str, torch.Tensor]) -> None:
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, folder / file)


def test_the_authors_files_give_the_authors_networks_each_at_its_rate(tmp_path: Path) -> None:
    card = LIBRARY.method("tmnet")
    single, multi = weights("tmnet", "public"), weights("tmnet", "other")
    put(tmp_path, "tmnet/tmnet_single_frame.pth", dict(single))
    put(tmp_path, "tmnet/tmnet_multiple_frames.pth", {f"module.{name}": value for name, value in multi.items()})
    for rate, tag, state in ((2, "authors", single), (4, "authors-multi", multi), (6, "authors-multi", multi)):
        built = build_upscaler(card, LIBRARY, folder=tmp_path, rate=rate)
        assert [loaded.tag for loaded in built.weights] == [tag]
        assert torch.equal(built.upscaler.trained.get_parameter("tail.8.weight"), state["conv_last.weight"])
    assert build_upscaler(card, LIBRARY, folder=tmp_path).weights[0].tag == "authors"
    chosen = build_upscaler(card, LIBRARY, folder=tmp_path, rate=2, tag="authors-multi")
    assert [loaded.tag for loaded in chosen.weights] == ["authors-multi"]
    with pytest.raises(UsageError, match=r"(?s)trained for rate 2\..*rate 6.*tmnet@authors-multi"):
        build_upscaler(card, LIBRARY, folder=tmp_path, rate=6, tag="authors")


def test_the_authors_file_of_zooming_slow_mo(tmp_path: Path) -> None:
    state = weights("zooming-slow-mo", "public")
    put(tmp_path, "zooming-slow-mo/xiang2020zooming.pth", dict(state))
    built = build_upscaler(LIBRARY.method("zooming-slow-mo"), LIBRARY, folder=tmp_path, rate=2)
    assert torch.equal(built.upscaler.trained.get_parameter("tail.8.weight"), state["conv_last.weight"])
    assert built.network_versions["zooming-slow-mo"] == "1"


def test_a_file_of_the_other_network_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "zooming-slow-mo/xiang2020zooming.pth", dict(weights("tmnet", "public")))
    with pytest.raises(DataError, match=r"an unknown name, pcd_align\.TMB_A_l1"):
        build_upscaler(LIBRARY.method("zooming-slow-mo"), LIBRARY, folder=tmp_path)


def test_training_of_the_hr_branch_starts_from_stinets_s_sr() -> None:
    upscaler = small({**HR, "channels": 64, "super_resolution_stages": 5})
    assert isinstance(upscaler.trained, TwoBranches)
    own = dbpn().state_dict()  # as the method `s-sr` is trained
    for given in (weights("dbpn", "public"), own):
        ours = recognised(dict(given), upscaler.trained.state_dict())
        assert ours is not None
        assert all(name.startswith("hr.initialisation.super_resolution.") for name in ours)
        assert len(ours) == len(own) - 2  # the head stays behind
