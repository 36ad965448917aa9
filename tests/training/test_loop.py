"""The loop: it learns, goes on exactly, stops well, and works in two processes."""

import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from harness.errors import DataError, TrainingError
from harness.training.checkpoint import Checkpoint, write_checkpoint
from harness.training.folder import Folder, read_log
from tests.training.conftest import Run
from tests.training.setting import TINY, Listener
from tests.training.standin import Standin

NETWORKS = (("standin", Standin, True),)
ROOT = Path(__file__).resolve().parents[2]


def losses(folder: Path) -> list[dict[str, float]]:
    return [line["losses"] for line in read_log(folder / "log.jsonl") if line["event"] == "losses"]  # type: ignore[misc]


def equal(one: Path, other: Path) -> bool:
    a, b = load_file(one), load_file(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def command(clips: Path, out: Path, *changes: str) -> list[str]:
    settings = [f"recipe.{key}={value}" for key, value in TINY.items()]
    sets = [part for setting in (*settings, *changes) for part in ("--set", setting)]
    plugin = str(Path(__file__).with_name("standin.py"))
    given = ["--method", "standin", "--plugin", plugin, "--data", str(clips), "--recipe", "smoke", "--device", "cpu"]
    return [sys.executable, "-m", "harness.cli.main", "train", *given, "--out", str(out), *sets]


def surroundings(**more: str) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **more}


def test_it_learns(run: Run) -> None:
    listener = Listener()
    trained = run(iterations=40, log_every=10, sets=("training.lambda_mcl=0.001",), listener=listener)
    seen = losses(trained.folder)
    assert seen[-1]["rec"] < 0.8 * seen[0]["rec"]
    assert seen[-1].keys() == {"total", "rec", "rec_lr", "mcl_abs", "mcl_rel"}
    weighted = seen[0]["rec"] + seen[0]["rec_lr"] + 0.001 * (seen[0]["mcl_abs"] + seen[0]["mcl_rel"])
    assert seen[0]["total"] == pytest.approx(weighted, rel=1e-5)
    assert listener.parts == sorted(listener.parts) and listener.parts[-1] == 1
    scores = trained.record["validation"]
    assert isinstance(scores, list)
    assert scores[-1]["psnr_y"] > scores[0]["psnr_y"]


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adamax", "schedule": "cosine", "warmup": 2},
        {"accumulate": 2, "clip_norm": 0.1, "reverse_time": True},
        {"precision": "bf16", "channels_last": True, "ema": 0},
    ],
)
def test_every_option_trains(run: Run, changes: dict[str, object]) -> None:
    trained = run(**changes)
    assert trained.record["iterations"] == 6
    assert not equal(trained.weights, run(out="plain").weights)


def test_parts_of_a_batch_add_up(run: Run) -> None:
    whole = losses(run(out="whole", batch=4).folder)
    parts = losses(run(out="parts", batch=4, accumulate=3).folder)
    assert [line["total"] for line in parts] == pytest.approx([line["total"] for line in whole], rel=1e-5)


def test_seeds_differ_and_repeat(run: Run) -> None:
    first, again, other = run(out="a").weights, run(out="b").weights, run(out="c", seed=1).weights
    assert equal(first, again)
    assert not equal(first, other)


def test_killed_and_continued_is_as_undisturbed(run: Run, clips: Path, tmp_path: Path) -> None:
    undisturbed = run(out="undisturbed")
    out = tmp_path / "killed"
    killed = subprocess.run(
        command(clips, out), env=surroundings(STANDIN="kill:6"), capture_output=True, text=True, check=False
    )
    assert killed.returncode == -9, killed.stderr
    assert not (out / "weights.safetensors").exists()
    continued = subprocess.run(command(clips, out), env=surroundings(), capture_output=True, text=True, check=False)
    assert continued.returncode == 0, continued.stderr
    assert "Continues at iteration 4 of 6" in continued.stderr
    assert equal(out / "weights.safetensors", undisturbed.weights)
    assert losses(out) == losses(undisturbed.folder)
    kept, wanted = (torch.load(path / "checkpoint.pt", weights_only=True) for path in (out, undisturbed.folder))
    assert torch.equal(kept["optimizer"]["state"][0]["exp_avg"], wanted["optimizer"]["state"][0]["exp_avg"])


def test_two_processes_are_as_one(run: Run, clips: Path, tmp_path: Path) -> None:
    alone = losses(run(batch=3).folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    together = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    processes = [
        subprocess.Popen(
            command(clips, tmp_path / "two", "recipe.batch=3"),
            env=surroundings(RANK=str(rank), LOCAL_RANK=str(rank), **together),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert outputs[1][0] == ""
    for one, two in zip(alone, losses(tmp_path / "two"), strict=True):
        assert two == pytest.approx(one, rel=1e-5)
    record = json.loads((tmp_path / "two" / "record.json").read_text())
    assert record["processes"] == 2


def test_a_loss_that_is_not_a_number(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN", "nan:5")
    with pytest.raises(TrainingError, match=r"last good one is .*checkpoint\.pt \(iteration 4\)") as caught:
        run()
    assert caught.value.exit_code == 1
    kept = torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)
    assert all(bool(value.isfinite().all()) for value in kept["model"].values())
    assert read_log(tmp_path / "out" / "log.jsonl")[-1]["losses"] == {"total": "nan", "rec": "nan", "rec_lr": "nan"}


def test_weights_that_are_not_finite_are_never_kept(run: Run, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="diverged"):
        run(learning_rate=1e30, log_every=100, checkpoint_every=3)
    assert not (tmp_path / "out" / "checkpoint.pt").exists()


def test_too_little_memory(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN", "memory:2")
    with pytest.raises(TrainingError, match=r"recipe\.accumulate"):
        run()


def test_validations_are_kept_and_never_repeated(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN", "nan:4")
    with pytest.raises(TrainingError):
        run(checkpoint_every=3, validate_every=3)
    monkeypatch.delenv("STANDIN")
    trained = run(checkpoint_every=3, validate_every=3)
    scores = trained.record["validation"]
    assert isinstance(scores, list)
    assert [score["iteration"] for score in scores] == [3, 6]
    logged = [line for line in read_log(trained.folder / "log.jsonl") if line["event"] == "validation"]
    assert [line["iteration"] for line in logged] == [3, 6]
    assert [line["psnr_y"] for line in logged] == [score["psnr_y"] for score in scores]


def test_ctrl_c_keeps_a_checkpoint(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    undisturbed = run(out="undisturbed")
    monkeypatch.setenv("STANDIN", "interrupt:3")
    with pytest.raises(KeyboardInterrupt):
        run()
    assert torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)["iteration"] == 3
    monkeypatch.delenv("STANDIN")
    assert equal(run().weights, undisturbed.weights)


def test_a_finished_training_is_only_exported_again(run: Run) -> None:
    first = run()
    before, log = first.weights.read_bytes(), first.folder / "log.jsonl"
    lines = log.read_text()
    again = run(half=True)
    assert len(again.weights.read_bytes()) < len(before)
    assert log.read_text() == lines
    assert again.record["validation"] == first.record["validation"]
    assert again.record["seconds"] == first.record["seconds"]


def test_time_is_a_budget(run: Run) -> None:
    trained = run(iterations=1_000_000, max_seconds=0.3, schedule="cosine", log_every=5, validate_every=0)
    iterations = trained.record["iterations"]
    assert isinstance(iterations, int)
    assert 1 <= iterations < 1_000_000
    rates = [line["lr"] for line in read_log(trained.folder / "log.jsonl") if line["event"] == "losses"]
    assert rates == sorted(rates, reverse=True)  # type: ignore[type-var]


def test_another_training_is_not_continued(run: Run) -> None:
    run()
    with pytest.raises(DataError, match=r"training\.lambda_mcl: 0\.0 there, 0\.1 here"):
        run(sets=("training.lambda_mcl=0.1",))
    with pytest.raises(DataError, match=r"recipe\.batch: 2 there, 3 here"):
        run(batch=3)
    run(log_every=1)


def test_a_damaged_checkpoint(run: Run, tmp_path: Path) -> None:
    run()
    (tmp_path / "out" / "checkpoint.pt").write_bytes(b"PK\x03\x04 not what it was")
    with pytest.raises(DataError, match="cannot be read"):
        run()


def test_one_process_at_a_time(run: Run, tmp_path: Path) -> None:
    with Folder(tmp_path / "out"), pytest.raises(TrainingError, match="another process"):
        run()


@contextmanager
def small_files(most: int) -> Iterator[None]:
    """No file grows beyond so many bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    def checkpoint(iteration: int) -> Checkpoint:
        model = {"weight": torch.full((4000,), float(iteration))}
        return Checkpoint(
            format=1,
            identity={},
            iteration=iteration,
            seconds=0.0,
            model=model,
            optimizer={},
            average={},
            random={},
            history={},
        )

    path = tmp_path / "checkpoint.pt"
    write_checkpoint(checkpoint(1), path)
    with small_files(5000), pytest.raises(TrainingError, match="the checkpoint of before is whole") as caught:
        write_checkpoint(checkpoint(2), path)
    assert caught.value.exit_code == 1
    assert torch.load(path, weights_only=True)["iteration"] == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["checkpoint.pt"]
