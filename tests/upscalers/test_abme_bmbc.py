"""ABME and BMBC as interpolators: rates, options, cards, and the archives in which their weights come."""

import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from harness.cards import CardLibrary
from harness.cards.overrides import Overrides
from harness.cli.main import app
from harness.errors import CardError, UsageError
from harness.networks.abme import key_map as abme_names
from harness.networks.bmbc import key_map as bmbc_names
from harness.networks.bmbc.network import BMBC
from harness.upscalers.abme import ABMEInterpolator
from harness.upscalers.bmbc import BMBCInterpolator
from harness.upscalers.build import build_upscaler
from harness.upscalers.options import ABMEStageOptions
from harness.upscalers.two_stage import TwoStage
from tests.networks.clips import distance
from tests.networks.pictures import two_frames
from tests.networks.release import loaded, weights

LIBRARY = CardLibrary()
PARTS = {"abme": abme_names.PARTS, "bmbc": bmbc_names.PARTS}


def clip(length: int, height: int = 20, width: int = 30) -> Tensor:
    return torch.cat(two_frames(height, width, batch=(length + 1) // 2))[:length]


@pytest.fixture(scope="module")
def abme() -> ABMEInterpolator:
    made = ABMEInterpolator().eval()
    made.trained.load_state_dict(loaded("abme").state_dict())
    return made


@pytest.fixture(scope="module")
def bmbc() -> BMBCInterpolator:
    made = BMBCInterpolator().eval()
    made.trained.load_state_dict(loaded("bmbc").state_dict())
    return made


def test_abme_halves_twice_for_rate_4(abme: ABMEInterpolator) -> None:
    given = clip(2)
    with torch.inference_mode():
        made = abme.interpolate(given, 4, flows=None)
        half = abme.network(given[:1], given[1:])
        assert made.shape == (5, 3, 20, 30)
        assert torch.equal(made[::4], given)
        assert distance(made[2:3], half) < 1e-5
        assert distance(made[1:2], abme.network(given[:1], half)) < 1e-5
        assert distance(made[3:4], abme.network(half, given[1:])) < 1e-5


def test_abme_resizes_as_its_option_says(abme: ABMEInterpolator) -> None:
    given = torch.rand(2, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    other = ABMEInterpolator(ABMEStageOptions(resize="bilinear")).eval()
    other.trained.load_state_dict(abme.trained.state_dict())
    with torch.inference_mode():
        made = other.middle(given[:1], given[1:])
        assert torch.equal(made, abme.network(given[:1], given[1:], resize="bilinear"))
        assert distance(made, abme.middle(given[:1], given[1:])) > 1e-4


@pytest.mark.parametrize("rate", [1, 2, 3, 4])
def test_bmbc_knows_every_moment(bmbc: BMBCInterpolator, rate: int) -> None:
    given = clip(3)
    with torch.inference_mode():
        made = bmbc.interpolate(given, rate, flows=None)
        assert made.shape == (2 * rate + 1, 3, 20, 30)
        assert torch.equal(made[::rate], given)
        for pair in range(2):
            for k in range(1, rate):
                wanted = bmbc.network(given[pair : pair + 1], given[pair + 1 : pair + 2], (k / rate,))
                assert distance(made[rate * pair + k], wanted[0, 0]) < 1e-5


def test_one_frame_has_nothing_between(bmbc: BMBCInterpolator, abme: ABMEInterpolator) -> None:
    for interpolator in (bmbc, abme):
        assert torch.equal(interpolator.interpolate(clip(1), 2, flows=None), clip(1))


def archive(network: str, path: Path) -> Path:
    """The authors' archive: three files in a folder, names without the prefixes."""
    with zipfile.ZipFile(path, "w") as packed:
        for file, prefix in PARTS[network].items():
            part = {
                key.removeprefix(prefix): value
                for key, value in weights(network, "public").items()
                if key.startswith(prefix)
            }
            torch.save(part, path.parent / file)
            packed.write(path.parent / file, f"Best/{file}")
    return path


@pytest.mark.parametrize("network", ["abme", "bmbc"])
def test_the_authors_archive_is_added_and_loads_through_the_card(
    network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "weights"
    monkeypatch.setenv("HARNESS_WEIGHTS", str(folder))
    packed = archive(network, tmp_path / "any-name.zip")
    done = CliRunner().invoke(app, ["weights", "add", str(packed), "--method", network])
    assert done.exit_code == 0, done.output
    built = build_upscaler(LIBRARY.method(f"{network}+bicubic"), LIBRARY, rate=2)
    assert not built.untrained
    assert isinstance(built.upscaler, TwoStage)
    found, wanted = built.upscaler.interpolator.trained.state_dict(), loaded(network).state_dict()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], value) for name, value in wanted.items())
    with torch.inference_mode():
        assert built.upscaler(clip(2, 8, 12), 2).shape == (3, 3, 32, 48)


def test_other_rates_and_options_are_refused() -> None:
    with pytest.raises(UsageError, match="powers of two"):
        build_upscaler(LIBRARY.method("abme+bicubic"), LIBRARY, rate=6, untrained=True)
    build_upscaler(LIBRARY.method("bmbc+bicubic"), LIBRARY, rate=6, untrained=True)
    for network, wrong in (("abme", "resize=nearest"), ("bmbc", "positions=corner")):
        card = Overrides.parse([f"interpolation.options.{wrong}"]).apply(LIBRARY.method(f"{network}+bicubic"))
        with pytest.raises(CardError, match=f"'{network}' do not fit"):
            build_upscaler(card, LIBRARY, untrained=True)


def test_bmbc_reads_positions_as_its_option_says() -> None:
    card = Overrides.parse(["interpolation.options.positions=corners"]).apply(LIBRARY.method("bmbc+bicubic"))
    readings = []
    for each in (card, LIBRARY.method("bmbc+bicubic")):
        upscaler = build_upscaler(each, LIBRARY, untrained=True).upscaler
        assert isinstance(upscaler, TwoStage)
        network = upscaler.interpolator.trained
        assert isinstance(network, BMBC)
        readings.append((network.reading, network.motion.coarsest.cost.reading))
    assert readings == [("corners", "corners"), ("areas", "areas")]
