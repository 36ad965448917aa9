"""Cells on this machine, as processes: failures, kills, Ctrl-C, and drivers that die."""

import fcntl
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import Result

from harness.errors import UsageError
from harness.studies.course import Course, how_it_ended
from harness.studies.local import Machine
from tests.studies.setting import PATIENCE, ROOT, Bench, invoke, until

GRID = "training.lambda_mcl=0,0.001"
TWO = ("--device", "cpu", "--device", "cpu")


def locked(folder: Path) -> bool:
    """Some process trains in a folder."""
    try:
        with (folder / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def study(arguments: list[str], *, code: int) -> Result:
    """The driver in this process."""
    done = invoke(arguments)
    assert done.exit_code == code, done.output
    return done


def test_a_failing_cell_stops_no_other(bench: Bench) -> None:
    bench.settings.pop("learning_rate")
    done = study([*bench.sweep("recipe.learning_rate=1e30,0.01"), *TWO], code=1)
    assert "failed  learning_rate=1e+30, seed 0: exit code 1" in done.stderr
    assert "        Error: Training has diverged" in done.stderr
    assert "tried/logs/learning_rate=1e-30-seed0.log" in done.stderr
    assert "done    learning_rate=0.01, seed 0" in done.stderr
    assert "failed (new)" in done.stdout
    assert " done " in done.stdout


def test_killed_twice_and_finished(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = bench.sweep("training.lambda_mcl=0")
    monkeypatch.setenv("STANDIN", "kill:5")
    killed = study(sweep, code=1)
    assert "killed by SIGKILL" in killed.stderr
    assert "failed (continues at iteration 4)" in killed.stdout

    driver = bench.start(sweep, event="slow:1")
    until(lambda: "Continues at iteration 4" in bench.log("lambda_mcl=0"))
    (folder,) = bench.trainings()
    assert locked(folder)
    driver.kill()
    until(lambda: not locked(folder), patience=2)
    driver.communicate()

    monkeypatch.delenv("STANDIN")
    assert " done " in study(sweep, code=0).stdout
    log = bench.log("lambda_mcl=0")
    assert log.count("Continues at iteration 4") == 2
    assert torch.equal(weights(folder), undisturbed(bench))
    assert "Nothing is left to do" in study(sweep, code=0).stderr
    assert bench.log("lambda_mcl=0") == log


def weights(folder: Path) -> torch.Tensor:
    state = load_file(folder / "weights.safetensors")
    return torch.cat([state[name].flatten() for name in sorted(state)])


def undisturbed(bench: Bench) -> torch.Tensor:
    """What the command in the log gives in one go, in another folder."""
    line = bench.log("lambda_mcl=0").splitlines()[1]
    command = [part for part in shlex.split(line) if "=" not in part or part.startswith(("recipe.", "training."))]
    assert command[:3] == ["$", "harness", "train"]
    out = bench.home / "undisturbed"
    assert invoke([*command[2:], "--out", str(out)]).exit_code == 0
    return weights(out)


def test_ctrl_c_ends_after_the_step_with_a_checkpoint(bench: Bench) -> None:
    driver = bench.start(bench.sweep(GRID), event="slow:3")
    until(lambda: any(bench.results.glob("training/*/checkpoint.pt")))
    driver.send_signal(signal.SIGINT)
    out, err = driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 130, err
    assert "Stops: cells at work finish their step" in err
    assert "stopped lambda_mcl=0, seed 0 (continues at iteration" in err
    assert "starts  lambda_mcl=0.001" not in err
    assert "the same command continues" in err
    assert out == ""
    assert "Interrupted." in bench.log("lambda_mcl=0")


def on_a_leash(does: str, before: str = "") -> "subprocess.Popen[str]":
    """A process on the leash that does something else than the program."""
    start = "import signal, time, harness.cli.leash as leash"
    lines = (start, before, f"leash.app = lambda **_: {does}", "leash.main()")
    return subprocess.Popen(
        (sys.executable, "-c", "\n".join(lines)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_a_process_on_the_leash_ends_with_its_starter() -> None:
    process = on_a_leash("(print('at work', flush=True), time.sleep(60))")
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    assert process.poll() is None
    process.stdin.close()
    assert process.wait(2) == 143
    process.stdin = None  # communicate closes the other pipes
    process.communicate()


def test_the_leash_hears_ctrl_c_where_it_was_ignored() -> None:
    ignored = "signal.signal(2, signal.SIG_IGN)\nsignal.pthread_sigmask(signal.SIG_BLOCK, {2})"
    process = on_a_leash("signal.raise_signal(signal.SIGINT)", ignored)
    process.wait(PATIENCE)
    assert "KeyboardInterrupt" in process.communicate()[1]


def test_a_course_goes_on_until_something_fails(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "a.log"
    course = Course([("--version",), ("list", "nothing"), ("--version",)], log=log, environment={"A": "1"})
    until(lambda: course.poll() is not None)
    assert course.poll() == 2
    text = log.read_text()
    assert text.count("$ A=1 harness --version") == 1
    assert "Usage: harness list" in text


def test_how_it_ended() -> None:
    assert how_it_ended(2) == "exit code 2"
    assert how_it_ended(-9) == "killed by SIGKILL; where nobody has sent it, memory ran out"
    assert how_it_ended(-15) == "killed by SIGTERM"


@pytest.mark.parametrize("name", ["cuda:7", "cuda:x", "nonsense"])
def test_devices_that_are_not_there(name: str) -> None:
    with pytest.raises(UsageError, match=f"'{name}'"):
        Machine([name])


def test_cells_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "OMP_NUM_THREADS", "3")
    assert Machine(["cpu", "cpu"]).environment == {}
