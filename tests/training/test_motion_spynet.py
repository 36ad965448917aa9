"""The motion loss through a frozen SPyNet: its gradient, its parts, its precision; weights in a training's identity.

The weights are noise: whatever a network makes of two frames, it is differentiated alike.
"""

import json
from pathlib import Path

import pytest
import torch
import typer
from torch import Tensor
from typer.testing import CliRunner

from harness.cli.train import train
from harness.errors import DataError
from harness.flow.spynet import SPyNetFlow
from harness.networks.state import sha256_of
from harness.training.losses.motion import Absolute, MotionConsistency, Relative, absolute_pairs
from harness.training.losses.objective import Objective
from harness.training.options import TrainingOptions
from tests.flow.spynet_weights import as_default, random_flow, random_state
from tests.training.setting import TINY
from tests.training.standin import Standin
from tests.training.test_losses import moving

NETWORKS = (("standin", Standin, True),)
SCALE = 0.2
"""Flows of noise as they come are many pixels long, and curved as no trained network's are."""

app = typer.Typer()
app.command()(train)


@pytest.fixture
def flow(tmp_path: Path) -> SPyNetFlow:
    return random_flow(tmp_path, scale=SCALE).double()


@pytest.mark.parametrize(("absolute", "relative"), [("adjacent-l2", "hinge"), ("all-l1", "exact")])
def test_by_finite_differences(absolute: Absolute, relative: Relative, flow: SPyNetFlow) -> None:
    loss = MotionConsistency(absolute=absolute, relative=relative, flow=flow)
    frames, truth = moving(size=20, jitter=1.2), moving(size=20)
    direction = torch.randn(frames.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    leaf = frames.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(leaf, truth).total, leaf)
    step = 1e-8
    higher, lower = (loss(frames + sign * step * direction, truth).total for sign in (1, -1))
    slope = (gradient * direction).sum().item()
    assert slope == pytest.approx(((higher - lower) / (2 * step)).item(), rel=1e-4)
    assert slope != 0


def test_it_points_the_right_way(flow: SPyNetFlow) -> None:
    truth, frames = moving(size=20), moving(size=20, jitter=0.6)
    loss = MotionConsistency(flow=flow)
    leaf = frames.clone().requires_grad_()
    before = loss(leaf, truth)
    (gradient,) = torch.autograd.grad(before.total, leaf)
    after = loss(frames - 0.001 * gradient / gradient.abs().max(), truth)
    assert after.total < before.total
    assert loss(truth, truth).absolute == 0


def test_a_clip_at_a_time_has_the_gradient_of_all_at_once(flow: SPyNetFlow) -> None:
    frames, truth = moving(clips=2, jitter=0.5).float(), moving(clips=2).float()
    flow = flow.float()
    loss = MotionConsistency(flow=flow)
    sizes: list[int] = []

    def counting(module: torch.nn.Module, given: tuple[Tensor, Tensor]) -> None:
        del module
        sizes.append(len(given[0]))

    flow.register_forward_pre_hook(counting)
    leaf = frames.clone().requires_grad_()
    total = loss(leaf, truth).total
    (gradient,) = torch.autograd.grad(total, leaf)
    assert sizes == [len(absolute_pairs(3, "all-l2"))] * 4  # of one clip, predicted and true
    whole = loss.measure(leaf, truth).sum()
    (wanted,) = torch.autograd.grad(whole, leaf)
    assert total.item() == pytest.approx(whole.item(), rel=1e-4)
    torch.testing.assert_close(gradient, wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))


def test_it_is_float32_under_autocast(tmp_path: Path) -> None:
    loss = MotionConsistency(flow=random_flow(tmp_path, scale=SCALE))
    frames, truth = moving(jitter=0.5, dtype=torch.float32).bfloat16(), moving(dtype=torch.float32)
    totals: list[Tensor] = []
    gradients: list[Tensor] = []
    for enabled in (False, True):
        leaf = frames.clone().requires_grad_()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            totals.append(loss(leaf, truth).total)
        gradients += torch.autograd.grad(totals[-1], leaf)
    assert totals[0].dtype == torch.float32
    assert torch.equal(*totals)
    assert torch.equal(*gradients)


def test_the_objective_takes_it_from_the_weights_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = as_default(random_state(), tmp_path, monkeypatch)
    device = torch.device("cpu")
    objective = Objective(TrainingOptions(lambda_mcl=0.1, mcl_flow="spynet"), device=device)
    assert objective.motion is not None
    assert isinstance(objective.motion.flow, SPyNetFlow)
    assert objective.weights == {"spynet": sha256_of(path)}
    assert Objective(TrainingOptions(lambda_mcl=0.1), device=device).weights == {}
    monkeypatch.setenv("HARNESS_WEIGHTS", str(tmp_path / "none"))
    assert Objective(TrainingOptions(mcl_flow="spynet"), device=device).motion is None, "it does not count"
    with pytest.raises(DataError, match="farneback"):
        Objective(TrainingOptions(lambda_mcl=0.1, mcl_flow="spynet"), device=device)


def test_training_with_it(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = [f"recipe.{key}={value}" for key, value in {**TINY, "iterations": 2, "batch": 1}.items()]
    settings += [f"training.{option}" for option in ("lambda_mcl=0.1", "mcl_flow=spynet", "mcl_absolute=adjacent-l2")]
    where = ["--results", str(tmp_path), "--device", "cpu"]
    command = ["-m", "standin", "--data", str(clips), "--recipe", "smoke", *where]
    command += [part for setting in settings for part in ("--set", setting)]

    def identity() -> dict[str, object]:
        planned: dict[str, object] = json.loads(CliRunner().invoke(app, [*command, "--dry-run", "--json"]).stdout)
        return planned

    monkeypatch.setenv("HARNESS_WEIGHTS", str(tmp_path))
    refusal = CliRunner().invoke(app, command)
    assert isinstance(refusal.exception, DataError)
    assert str(tmp_path / "spynet-sintel-final.pth") in str(refusal.exception)

    other = as_default(random_state(salt="other"), tmp_path, monkeypatch)
    before = identity()
    assert before["spynet"] == sha256_of(other)
    path = as_default(random_state(scale=SCALE), tmp_path, monkeypatch)
    assert identity()["folder"] != before["folder"], "other weights are another training"

    trained = CliRunner().invoke(app, [*command, "--json"])
    assert trained.exit_code == 0, trained.output
    record = json.loads(trained.stdout)["record"]
    assert record["spynet"] == sha256_of(path)
    assert {"mcl_abs", "mcl_rel"} <= record["losses"].keys()
