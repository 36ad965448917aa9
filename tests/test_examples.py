"""The examples and the commands of the documentation: they run, and the pages show them as they are."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from importlib import util
from pathlib import Path
from types import ModuleType

import pytest
import torch
from typer.main import get_command

from harness.cards import MethodCard
from harness.cards.library import CardLibrary
from harness.cards.protocol import Windows
from harness.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES, DOCS = ROOT / "examples", ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]


def commands() -> list[tuple[str, str]]:
    """Every `$ harness ...` line of the documentation, with its page."""
    found = []
    for page in PAGES:
        for block in re.findall(
            r"^```console\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        ):
            lines = re.findall(r"^\$ (?:\S*/)?harness\b(.*)$", block, re.MULTILINE)
            found += [(page.name, line.strip()) for line in lines]
    return found


def load_footguns() -> ModuleType:
    spec = util.spec_from_file_location("examples_footguns", EXAMPLES / "footguns.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_plug_in_is_scored_beside_ours(tmp_path: Path) -> None:
    # In a process of its own: a plug-in stays registered for as long as its process lives.
    methods = ("--method", "bicubic", "--method", "sharpened-bicubic", "--method", "sharpened-bicubic-strong")
    where = ("--cards", str(EXAMPLES / "cards"), "--plugin", str(EXAMPLES / "sharpened_bicubic.py"))
    command = (sys.executable, "-m", "harness.cli.main", "run", "--dataset", "demo", "--limit", "1", "--json")
    done = subprocess.run(
        (*command, *methods, *where, "--results", str(tmp_path)), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [row for block in json.loads(done.stdout)["table"]["blocks"] for row in block["rows"]]
    psnr = {row["method"]: row["cells"][0]["value"] for row in rows}
    assert list(psnr) == ["bicubic", "sharpened-bicubic", "sharpened-bicubic-strong"]
    assert psnr["sharpened-bicubic-strong"] < psnr["bicubic"] < psnr["sharpened-bicubic"]


def test_the_variant_extends_its_parent() -> None:
    library = CardLibrary((EXAMPLES / "cards",))
    parent, variant = (library.method(f"sharpened-bicubic{suffix}") for suffix in ("", "-strong"))
    assert variant.network == parent.network == "sharpened-bicubic"
    assert (parent.options, variant.options) == ({"amount": 0.8}, {"amount": 2.0})
    assert set(CardLibrary().names(MethodCard)) < set(library.names(MethodCard))


def test_the_package_announces_what_the_plug_in_registers() -> None:
    project = tomllib.loads((EXAMPLES / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [(name, target)] = project["entry-points"]["harness.networks"].items()
    module, _, attribute = target.partition(":")
    text = (EXAMPLES / f"{module}.py").read_text(encoding="utf-8")
    assert f'@register("{name}")\nclass {attribute}(' in text


@pytest.mark.parametrize(
    "file",
    [
        "sharpened_bicubic.py",
        "pyproject.toml",
        "cards/methods/sharpened-bicubic.toml",
        "cards/methods/sharpened-bicubic-strong.toml",
    ],
)
def test_the_page_shows_the_example_as_it_is(file: str) -> None:
    page = (DOCS / "add-a-method.md").read_text(encoding="utf-8")
    assert (
        f"```{'python' if file.endswith('.py') else 'toml'}\n{(EXAMPLES / file).read_text(encoding='utf-8')}```"
        in page
    )


def test_the_documentation_has_commands() -> None:
    assert len(commands()) > 15


@pytest.mark.parametrize(("page", "line"), commands())
def test_commands_of_the_documentation_parse(page: str, line: str) -> None:
    command, words = get_command(app), shlex.split(line, comments=True)
    while words and words[0] in getattr(command, "commands", {}):
        command, words = getattr(command, "commands")[words[0]], words[1:]  # noqa: B009 -- only groups have it
    command.make_context("harness", list(words))  # raises for an option or an argument that does not exist


def test_the_footguns_that_are_measured_are_those_of_the_page() -> None:
    footguns, windows = load_footguns(), Windows(input_frames={2: 2}, tail="append")
    truth = torch.randint(0, 256, (4, 3, 48, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    made = dict(footguns.mistakes_in_making(truth, windows))
    assert {name: len(frames) for name, frames in made.items()} == dict.fromkeys(made, 4) | {
        "the clip's tail dropped": 3
    }
    prediction = made["LR not rounded to 8 bits"][1]
    scores = dict(footguns.mistakes_in_scoring(prediction, footguns.quantise(prediction), truth[1], truth[2]))
    assert scores["uint8 arithmetic that wraps (RGB)"] > scores["RGB instead of Y"]
    page = (DOCS / "footguns.md").read_text(encoding="utf-8")
    assert [name for name in (*made, *scores) if f"| {name} |" not in page] == []
