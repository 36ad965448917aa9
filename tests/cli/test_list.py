"""`harness list`: what there is, on a terminal, in a pipe, as JSON; without torch."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from harness.cards import CardLibrary, DatasetCard, MethodCard, ProtocolCard
from harness.cli.list import Topic, list_cards
from harness.cli.listing import Column, Row, Section, as_text, to_json, to_plain
from harness.errors import CardError
from harness.upscalers import registry

APP = typer.Typer()
APP.command()(list_cards)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HARNESS_CARDS", "HARNESS_DATA", "HARNESS_WEIGHTS", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def harness_list(*arguments: str, **environment: str) -> str:
    result = CliRunner().invoke(APP, arguments, env=environment)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def as_json(*arguments: str) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = json.loads(harness_list(*arguments, "--json"))
    return found


def terminal(*arguments: str, width: int) -> list[str]:
    text = harness_list(*arguments, FORCE_COLOR="1", COLUMNS=str(width))
    return re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()


@pytest.fixture(scope="module")
def everything() -> dict[str, list[dict[str, object]]]:
    return as_json()


def test_json_has_every_list_and_every_card(everything: dict[str, list[dict[str, object]]]) -> None:
    found, library = everything, CardLibrary()
    assert list(found) == [topic.value for topic in Topic]
    assert sorted(str(row["name"]) for row in found["methods"]) == library.names(MethodCard)
    assert [row["name"] for row in found["datasets"]] == library.names(DatasetCard)
    assert [row["name"] for row in found["protocols"]] == library.names(ProtocolCard)
    assert [row["name"] for row in found["tables"]] == ["I", "II", "III", "IV", "V", "VI"]
    assert {"psnr-y", "ssim-y", "lpips", "tof"} <= {row["name"] for row in found["metrics"]}
    assert {"nearest", "blend", "farneback", "bicubic"} <= {row["name"] for row in found["networks"]}


@pytest.mark.parametrize("topic", list(Topic))
def test_one_topic_is_the_same_list_alone(topic: Topic, everything: dict[str, list[dict[str, object]]]) -> None:
    assert as_json(topic.value) == {topic.value: everything[topic.value]}


def test_methods_come_in_the_order_of_the_paper_and_say_what_they_lack() -> None:
    rows = as_json("methods")["methods"]
    by_name = {row["name"]: row for row in rows}
    assert by_name["bicubic"]["status"] == "ready"
    assert by_name["stinet"]["rows"] == [
        {"table": "I", "row": 19, "rate": 2},
        {"table": "II", "row": 2, "rate": 4},
        {"table": "II", "row": 4, "rate": 6},
        {"table": "III", "row": 3, "rate": 2},
        {"table": "IV", "row": 9, "rate": 2},
        {"table": "V", "row": 6, "rate": 2},
    ]
    two_stage = [row["rows"] for row in rows if row["family"] == "two-stage"]
    assert two_stage == [[{"table": "I", "row": row, "rate": 2}] for row in range(1, 13)]
    assert {row["status"] for row in rows} <= {"ready", "lacks weights", "lacks its network"}
    assert all(row["reason"] for row in rows)


def test_a_network_that_is_not_here_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {name: entry for name, entry in registry._NETWORKS.items() if not entry.learned}
    monkeypatch.setattr(registry, "_NETWORKS", plain)
    line = next(line for line in harness_list("methods").splitlines() if "abme+etdm" in line)
    assert re.search(r"ABME\+ETDM +I\.12 +lacks its network +abme, etdm +not in this version: abme and etdm$", line)


def test_a_pipe_gets_one_line_a_row_in_columns() -> None:
    lines = harness_list("methods").splitlines()
    assert len(lines) == 1 + len(CardLibrary().names(MethodCard))
    head = lines[0]
    assert head.split() == ["family", "method", "title", "paper", "status", "lacks", "why"]
    for line in lines[1:]:
        place = head.index("status")
        assert line[place - 2 : place] == "  "
        assert line[place:].startswith(("ready", "lacks"))
    assert not any("\x1b" in line or line != line.rstrip() for line in lines)


def test_a_pipe_with_all_lists_has_a_headline_for_each() -> None:
    blocks = harness_list().strip().split("\n\n")
    assert [block.partition(":")[0] for block in blocks] == [topic.value for topic in Topic]


@pytest.mark.parametrize("width", [80, 140])
def test_a_terminal_is_wide_enough(width: int) -> None:
    lines = terminal(width=width)
    assert all(len(line) <= width for line in lines)
    for topic in Topic:
        assert any(line.startswith(topic.value) for line in lines)
    assert not any("…" in line for line in lines), "nothing is cut"


def test_a_narrow_terminal_leaves_titles_out() -> None:
    narrow, wide = terminal("methods", width=80), terminal("methods", width=140)
    assert not any("ABME+ETDM" in line for line in narrow)
    assert any(re.match(r"abme\+etdm +ABME\+ETDM +I\.12 ", line) for line in wide)
    families, gaps = 6, 5
    assert len(wide) == 2 + families + gaps + len(CardLibrary().names(MethodCard))
    assert len(narrow) <= len(wide) + 5, "a wrapped line here and there"


def test_datasets_say_where_they_are(tmp_path: Path) -> None:
    before = {row["name"]: row for row in as_json("datasets")["datasets"]}
    (tmp_path / "Vid4" / "GT").mkdir(parents=True)
    after = {row["name"]: row for row in as_json("datasets", "--data-root", str(tmp_path))["datasets"]}
    assert (before["vid4"]["data"], after["vid4"]["data"]) == ("not here", "here")
    assert before["demo"]["data"] == "built in"
    assert (before["vid4"]["clips"], before["vimeo-fast"]["clips"]) == (4, 1225)


def test_tables_count_their_rows_and_those_that_are_ready() -> None:
    rows = {row["name"]: row for row in as_json("tables")["tables"]}
    assert {name: row["rows"] for name, row in rows.items()} == {"I": 24, "II": 4, "III": 3, "IV": 9, "V": 6, "VI": 4}
    methods = as_json("methods")["methods"]
    ready = {
        place["row"]
        for row in methods
        if row["status"] == "ready" and isinstance(row["rows"], list)
        for place in row["rows"]
        if place["table"] == "I"
    }
    assert rows["I"]["ready"] == len(ready)


def test_metrics_say_which_way_is_better() -> None:
    lines = harness_list("metrics").splitlines()
    assert any(re.match(r"psnr-y +PSNR +dB +↑ higher +2$", line) for line in lines)
    assert any(line.startswith("lpips") and "↓ lower" in line and line.endswith("lpips") for line in lines)


def test_cards_of_the_user_are_listed(tmp_path: Path) -> None:
    folder = tmp_path / "cards" / "methods"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text('extends = "stinet"\ntitle = "Mine"\n', encoding="utf-8")
    rows = as_json("methods", "--cards", str(folder.parent))["methods"]
    assert {"name": "mine", "title": "Mine"}.items() <= {row["name"]: row for row in rows}["mine"].items()


def test_a_broken_card_of_the_user_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "cards" / "methods"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text('extends = "stinet"\ntitel = "Mine"\n', encoding="utf-8")
    with pytest.raises(CardError, match=r"mine\.toml is not valid") as caught:
        harness_list("methods", "--cards", str(folder.parent))
    assert "Did you mean 'title'?" in caught.value.found


def test_networks_of_plugins_are_methods_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_NETWORKS", dict(registry._NETWORKS))
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "from harness.upscalers.registry import register\n@register('mine')\nclass Mine:\n    pass\n",
        encoding="utf-8",
    )
    found = as_json("--plugin", str(plugin))
    assert {row["name"]: row for row in found["methods"]}["mine"]["status"] == "ready"
    assert "mine" in [row["name"] for row in found["networks"]]


def test_an_unknown_topic_is_bad_use() -> None:
    result = CliRunner().invoke(APP, ["methds"])
    assert result.exit_code == 2
    assert "methods" in result.output


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys\nfrom harness.cli.list import list_cards\nlist_cards()\n"
        "heavy = {'torch', 'pandas', 'matplotlib', 'scipy', 'skimage', 'numpy'} & sys.modules.keys()\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(registry.__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "farneback+bicubic" in done.stdout


# -- the three forms


def test_values_are_written_in_words() -> None:
    assert [as_text(value) for value in (None, False, True, 3, ["a", "b"], [], "x")] == [
        "",
        "",
        "yes",
        "3",
        "a, b",
        "",
        "x",
    ]


def test_plain_text_of_a_section() -> None:
    columns = (Column("name", "what"), Column("size", "how much", number=True))
    rows: tuple[Row, ...] = ({"name": "a", "size": 10}, {"name": "longer", "size": None})
    section = Section("things", "two", columns, rows)
    assert to_plain([section]) == "what    how much\na       10\nlonger"
    assert to_plain([section, section]).startswith("things: two\nwhat")
    assert json.loads(to_json([section])) == {"things": list(rows)}
