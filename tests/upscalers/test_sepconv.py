"""SepConv as a method: colour order, padding, rates, its cards and its weights."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from harness.cards import CardLibrary
from harness.cards.overrides import Overrides
from harness.errors import CardError, UsageError
from harness.networks.sepconv import interpolate
from harness.upscalers.build import build_upscaler
from harness.upscalers.options import SepConvStageOptions
from harness.upscalers.sepconv import SepConvInterpolator
from harness.upscalers.two_stage import TwoStage
from tests.networks.clips import distance
from tests.networks.release import frames, loaded, weights

LIBRARY = CardLibrary()


@pytest.fixture(scope="module")
def interpolator() -> SepConvInterpolator:
    made = SepConvInterpolator().eval()
    made.trained.load_state_dict(loaded("sepconv").state_dict())
    return made


def clip(length: int, height: int = 20, width: int = 30) -> Tensor:
    return frames(given=length, height=height, width=width)[0]


def test_the_network_sees_blue_first(interpolator: SepConvInterpolator) -> None:
    given = clip(2)
    with torch.inference_mode():
        made = interpolator.interpolate(given, 2, flows=None)
        blue_first = given.flip(1)
        wanted = interpolate(interpolator.network, blue_first[:1], blue_first[1:])[0].flip(0)
        rgb = interpolate(interpolator.network, given[:1], given[1:])[0]
    assert made.shape == (3, 3, 20, 30)
    assert torch.equal(made[::2], given)
    assert distance(made[1], wanted) < 1e-5
    assert distance(made[1], rgb) > 0.01


def test_rate_4_halves_twice(interpolator: SepConvInterpolator) -> None:
    given = clip(2)
    with torch.inference_mode():
        made = interpolator.interpolate(given, 4, flows=None)
        half = interpolator.middle(given[:1], given[1:])
        assert distance(made[2:3], half) < 1e-5
        assert distance(made[1:2], interpolator.middle(given[:1], half)) < 1e-5
        assert distance(made[3:4], interpolator.middle(half, given[1:])) < 1e-5


def test_the_papers_padding_is_an_option(interpolator: SepConvInterpolator) -> None:
    given = clip(2)
    other = SepConvInterpolator(SepConvStageOptions(padding="paper")).eval()
    other.trained.load_state_dict(interpolator.trained.state_dict())
    with torch.inference_mode():
        made = other.interpolate(given, 2, flows=None)[1]
        blue_first = given.flip(1)
        wanted = interpolate(other.network, blue_first[:1], blue_first[1:], padding="paper")[0].flip(0)
        assert distance(made, wanted) < 1e-5
        assert distance(made, interpolator.interpolate(given, 2, flows=None)[1]) > 1e-3


def test_the_authors_file_loads_through_the_card(interpolator: SepConvInterpolator, tmp_path: Path) -> None:
    file = tmp_path / "sepconv" / "network-l1.pytorch"
    file.parent.mkdir()
    torch.save(dict(weights("sepconv", "public")), file, _use_new_zipfile_serialization=False)  # as in 2017
    built = build_upscaler(LIBRARY.method("sepconv+bicubic"), LIBRARY, folder=tmp_path, rate=2)
    assert isinstance(built.upscaler, TwoStage)
    assert [loaded.tag for loaded in built.weights] == ["l1"]
    given = clip(2, 8, 12)
    with torch.inference_mode():
        made = built.upscaler.interpolator.interpolate(given, 2, flows=None)
        assert distance(made, interpolator.interpolate(given, 2, flows=None)) < 1e-5
        assert built.upscaler(given, 2).shape == (3, 3, 32, 48)


def test_other_rates_and_options_are_refused() -> None:
    with pytest.raises(UsageError, match="powers of two"):
        build_upscaler(LIBRARY.method("sepconv+bicubic"), LIBRARY, rate=6, untrained=True)
    card = Overrides.parse(["interpolation.options.padding=both"]).apply(LIBRARY.method("sepconv+bicubic"))
    with pytest.raises(CardError, match="'sepconv' do not fit"):
        build_upscaler(card, LIBRARY, untrained=True)
