"""LPIPS: what happens without its package, weights in files, and scores.

The package is optional and its weights are large. A stand-in of the same shape answers for it everywhere; where the
package is installed, it is tested too, with random weights.
"""

import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from harness.errors import DataError, HarnessError, MissingExtraError, UsageError
from harness.metrics import get_metric
from harness.metrics import lpips as module
from harness.metrics._torchvision import import_torchvision
from harness.metrics.lpips import Lpips, hash_state, recognise_net

INSTALLED = all(importlib.util.find_spec(name) for name in ("lpips", "torchvision"))
PACKAGES = ["stand-in", "lpips"] if INSTALLED else ["stand-in"]


class StandIn(nn.Module):
    """Takes the arguments of lpips.LPIPS and has the tensors by which a backbone is recognised."""

    def __init__(self, *, pretrained: bool, net: str, pnet_rand: bool, verbose: bool) -> None:
        super().__init__()
        if pretrained:
            raise URLError("Name or service not known")
        if verbose or not pnet_rand:
            raise ValueError("not what the harness asks for")
        size = 11 if net == "alex" else 3
        self.net = nn.Module()
        self.net.slice1 = nn.ModuleDict({"0": nn.Conv2d(3, 64, size)})
        if net == "vgg":
            self.net.slice1["2"] = nn.Conv2d(64, 64, 3)
        if net == "squeeze":
            self.net.slice2 = nn.ModuleDict({"3": nn.ModuleDict({"squeeze": nn.Conv2d(64, 16, 1)})})
        self.asked: list[tuple[Tensor, Tensor]] = []

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        self.asked.append((x, y))
        return (x - y).square().mean(dim=(1, 2, 3), keepdim=True)


@pytest.fixture(params=PACKAGES)
def package(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The package lpips, or the stand-in under its name."""
    if request.param == "lpips":
        import_torchvision()
        return importlib.import_module("lpips")
    stand_in = ModuleType("lpips")
    stand_in.LPIPS = StandIn  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lpips", stand_in)
    monkeypatch.setattr(module, "import_torchvision", lambda: ModuleType("torchvision"))
    return stand_in


@pytest.mark.parametrize("fits", [True, False])
def test_operators_of_torchvision_are_declared_only_when_needed(fits: bool, tmp_path: Path) -> None:
    # In a process of its own, because operators cannot be withdrawn.
    stops = "" if fits else "for name in ('nms', 'qnms'): torch.library.register_fake('torchvision::' + name)(print)"
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(f"import torch\n{stops}\n")
    program = (
        "import sys, torch\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "from harness.metrics._torchvision import import_torchvision\n"
        "print(import_torchvision().__file__, hasattr(torch.ops.torchvision, 'nms'))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.split() == [str(tmp_path / "torchvision" / "__init__.py"), str(not fits)]


def save_weights(folder: Path, net: str) -> Path:
    torch.manual_seed(0)
    path = folder / f"{net}.pt"
    torch.save(module._build(net, pretrained=False).state_dict(), path)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("missing", ["torchvision", "lpips"])
def test_without_its_packages_it_says_what_to_install(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing == "lpips":
        monkeypatch.setattr(module, "import_torchvision", lambda: ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=rf"(?s)LPIPS needs.*'{missing}'.*pip install .*\[lpips\]"):
        get_metric("lpips")


def test_scores_with_weights_from_a_file(package: ModuleType, tmp_path: Path) -> None:
    metric = get_metric("lpips", lpips_weights=save_weights(tmp_path, "squeeze"))
    gt = torch.randint(0, 256, (3, 3, 40, 50), dtype=torch.uint8)
    pred = torch.stack([gt[0], gt[1].roll(2, dims=-1), 255 - gt[2]])
    scores = metric.score(pred, gt)
    assert scores.shape == (3,)
    assert scores.dtype == torch.float64
    assert scores[0] == 0
    assert scores[2] != 0
    torch.testing.assert_close(metric.score(pred[1:2], gt[1:2]), scores[1:2], rtol=1e-5, atol=0)
    torch.testing.assert_close(metric.score(pred.float(), gt.float()), scores)


def test_frames_are_scaled_as_the_package_wants_them(package: ModuleType, tmp_path: Path) -> None:
    metric = Lpips(weights=save_weights(tmp_path, "squeeze"))
    pred, gt = torch.randint(0, 256, (2, 1, 3, 40, 50), dtype=torch.uint8)
    direct = metric._network(pred.float() / 255 * 2 - 1, gt.float() / 255 * 2 - 1)
    torch.testing.assert_close(metric.score(pred, gt).float(), direct.flatten(), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("net", ["squeeze", "alex"])
def test_the_backbone_is_recognised_and_the_weights_are_named(package: ModuleType, net: str, tmp_path: Path) -> None:
    path = save_weights(tmp_path, net)
    metric = Lpips(weights=path)
    state = torch.load(path, weights_only=True)
    assert metric.net == net
    assert metric.identity == f"{net},v0.1,{hash_state(state)[:12]}"
    save_file({name: value.clone() for name, value in state.items()}, path.with_suffix(".safetensors"))
    assert Lpips(weights=path.with_suffix(".safetensors")).identity == metric.identity
    next(iter(state.values())).add_(1)
    torch.save(state, path)
    assert Lpips(weights=path).identity != metric.identity


def test_vgg_is_recognised() -> None:
    state = {"net.slice1.0.weight": torch.zeros(64, 3, 3, 3), "net.slice1.2.weight": torch.zeros(64, 64, 3, 3)}
    assert recognise_net(state, Path("vgg.pt")) == "vgg"


def test_small_frames_are_refused(package: ModuleType, tmp_path: Path) -> None:
    metric = Lpips(weights=save_weights(tmp_path, "squeeze"))
    frames = torch.zeros(1, 3, 16, 40, dtype=torch.uint8)
    with pytest.raises(DataError, match=r"(?s)at least 17 pixels.*40x16"):
        metric.score(frames, frames)
    assert metric.score(torch.zeros(1, 3, 17, 17), torch.zeros(1, 3, 17, 17)).tolist() == [0]


def test_incomplete_weights_are_refused(package: ModuleType, tmp_path: Path) -> None:
    path = save_weights(tmp_path, "squeeze")
    state = torch.load(path, weights_only=True)
    del state["net.slice1.0.bias"]
    torch.save(state, path)
    with pytest.raises(UsageError, match=r"(?s)not complete.*net\.slice1\.0\.bias"):
        Lpips(weights=path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("heads.pt", {"lin0.model.1.weight": torch.zeros(1, 64, 1, 1)}, "none of the backbones"),
        ("list.pt", [1, 2], "should be a state dict"),
        ("text.pt", None, "cannot be read"),
        ("text.safetensors", None, "cannot be read"),
    ],
)
def test_other_files_are_refused(name: str, content: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if content is None:
        path.write_text("no weights")
    else:
        torch.save(content, path)
    with pytest.raises(HarnessError, match=message):
        Lpips(weights=path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.pt"):
        Lpips(weights=tmp_path / "nowhere.pt")


def test_a_failed_download_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = ModuleType("lpips")
    stand_in.LPIPS = StandIn  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lpips", stand_in)
    monkeypatch.setattr(module, "import_torchvision", lambda: ModuleType("torchvision"))
    with pytest.raises(UsageError, match=r"(?s)'alex'.*not be downloaded.*service not known.*--lpips-weights"):
        get_metric("lpips")
