"""The rules of the house: sizes, who may import whom, what starts fast, links that lead somewhere."""

import ast
import re
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import __version__

ROOT = Path(__file__).resolve().parents[1]
ROOMS = [
    "errors",
    "names",
    "files",
    "cards",
    "ops",
    "networks",
    "flow",
    "clips",
    "upscalers",
    "metrics",
    "records",
    "evaluation",
    "training",
    "studies",
    "reports",
    "cli",
]
"""From the ground up; a room imports only rooms before it."""

HEAVY = {"torch", "pandas", "matplotlib", "scipy", "skimage"}
TORCHLESS = ("cards", "records", "reports")
MOST_LINES, MOST_FUNCTION_LINES, USUAL_FUNCTION_LINES = 400, 80, 40

DISTRIBUTIONS = {"PIL": "pillow", "cv2": "opencv-python-headless", "skimage": "scikit-image"}
"""Import names that are not their package's."""


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def text_files() -> Iterator[tuple[Path, str]]:
    """Everything that people wrote: no caches, no environments, no results of this machine."""
    folders = ("harness", "methods", "datasets", "tests", "benchmarks", "docs", ".ci")
    below = [path for folder in folders for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts]
    for path in sorted([*ROOT.iterdir(), *below]):
        if path.is_file():
            try:
                yield path, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and lines of every function, without its docstring."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            docstring = (first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(node) is not None else 0
            yield node.name, (node.end_lineno or 0) - node.lineno + 1 - docstring


def imports(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Every absolute import of a file, and whether it runs when the file is imported."""

    def visit(node: ast.AST, at_start: bool) -> Iterator[tuple[str, bool]]:
        if isinstance(node, ast.Import):
            yield from ((alias.name, at_start) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from ((f"{node.module}.{alias.name}", at_start) for alias in node.names)
        lazy = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        )
        for child in ast.iter_child_nodes(node):
            yield from visit(child, at_start and not lazy)

    yield from visit(tree, True)


def room(module: str) -> int | None:
    """The floor of `harness.ROOM...`; None for other packages and for the bare package."""
    parts = module.split(".")
    return ROOMS.index(parts[1]) if parts[0] == "harness" and len(parts) > 1 and parts[1] in ROOMS else None


def upward(path: Path, root: Path) -> list[str]:
    """The imports of a file that lead to a higher room."""
    own = room(".".join(path.relative_to(root).with_suffix("").parts))
    if own is None:
        return []
    reached = ((name, room(name)) for name, _ in imports(ast.parse(path.read_text(encoding="utf-8"))))
    return [name for name, floor in reached if floor is not None and floor > own]


def dead_links(path: Path, text: str) -> list[str]:
    """Links of a Markdown file to files, or to headings, that do not exist."""
    dead = []
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    for target in re.findall(r"\]\(<?([^)\s>]+)|src=\"([^\"]+)\"", prose):
        link = target[0] or target[1]
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        there = (path.parent / file).resolve() if file else path
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in anchors(there)):
            dead.append(link)
    return dead


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a Markdown file."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def project() -> dict[str, dict[str, object]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def distributions(requirements: object) -> set[str]:
    """The bare names of a list of requirements."""
    if not isinstance(requirements, list):
        raise TypeError(type(requirements).__name__)
    return {re.split(r"[<>=~!\[; ]", str(line))[0].lower() for line in requirements}


def foreign(path: Path, *, at_start_only: bool = False) -> set[str]:
    """The distributions that a file imports."""
    found = imports(ast.parse(path.read_text(encoding="utf-8")))
    tops = {name.split(".")[0] for name, at_start in found if at_start or not at_start_only}
    tops -= {"harness", "tests", "benchmarks", *sys.stdlib_module_names}
    return {DISTRIBUTIONS.get(top, top.replace("_", "-")).lower() for top in tops}


def heavy_after(*arguments: str) -> set[str]:
    """Which heavy packages a command has imported when it ends; it must end well."""
    probe = (
        "import sys\n"
        "from harness.cli.main import app\n"
        "code = 0\n"
        "try:\n    app(sys.argv[1:], prog_name='harness')\n"
        "except SystemExit as stop:\n    code = stop.code\n"
        "print(*sys.modules, file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run((sys.executable, "-c", probe, *arguments), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return HEAVY & set(done.stderr.split())


def test_files_are_short() -> None:
    long = [path for path in python_files("harness", "tests", "benchmarks") if line_count(path) > MOST_LINES]
    assert names(long) == []


def line_count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_functions_are_short() -> None:
    lengths = [
        (length, f"{path.name}:{name}") for path in python_files("harness") for name, length in functions(path)
    ]
    assert [name for length, name in lengths if length > MOST_FUNCTION_LINES] == []
    assert statistics.quantiles([length for length, _ in lengths], n=10)[-1] <= USUAL_FUNCTION_LINES


def test_nothing_imports_upwards() -> None:
    found = {str(path.relative_to(ROOT)): upward(path, ROOT) for path in python_files("harness")}
    assert {file: modules for file, modules in found.items() if modules} == {}


def test_every_file_lies_in_a_room() -> None:
    rooms = {path.relative_to(ROOT / "harness").parts[0].removesuffix(".py") for path in python_files("harness")}
    assert rooms - {"__init__"} <= set(ROOMS)


@pytest.mark.parametrize("name", TORCHLESS)
def test_rooms_that_know_no_torch(name: str) -> None:
    files = [path.relative_to(ROOT).with_suffix("") for path in python_files(f"harness/{name}")]
    modules = [".".join(file.parts).removesuffix(".__init__") for file in files]
    probe = f"import sys, {', '.join(modules)}\nsys.exit('torch' in sys.modules)"
    assert subprocess.run((sys.executable, "-c", probe), check=False).returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        *("--help", "--version", "run --help", "speed --help", "parity --help", "train --help"),
        *("sweep --help", "ablate --help", "plot loss-weights --help"),
        *("list", "list methods", "list datasets"),
    ],
)
def test_what_answers_at_once_imports_nothing_heavy(arguments: str) -> None:
    assert heavy_after(*arguments.split()) == set()


def test_tables_import_nothing_heavy(tmp_path: Path) -> None:
    assert heavy_after("table", "I", "--results", str(tmp_path)) == set()


def test_what_is_imported_at_start_is_a_core_dependency() -> None:
    core = distributions(project()["project"]["dependencies"])
    missing = {path.name: foreign(path, at_start_only=True) - core for path in python_files("harness")}
    assert {file: found for file, found in missing.items() if found} == {}


def test_what_is_imported_later_is_declared_too() -> None:
    declared = project()["project"]
    extras = declared["optional-dependencies"]
    if not isinstance(extras, dict):
        raise TypeError(type(extras).__name__)
    core = distributions(declared["dependencies"])
    every = core.union(*(distributions(lines) for lines in extras.values()))
    missing = {path.name: foreign(path) - every for path in python_files("harness")}
    assert {file: found for file, found in missing.items() if found} == {}
    testing = core | distributions(extras["test"])
    missing = {path.name: foreign(path) - testing for path in python_files("tests", "benchmarks")}
    assert {file: found for file, found in missing.items() if found} == {}


def test_links_in_the_documentation_lead_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    found = {path.name: dead_links(path, path.read_text(encoding="utf-8")) for path in documents}
    assert {file: links for file, links in found.items() if links} == {}


def test_no_file_names_the_paths_of_a_machine() -> None:
    homes = r"(?<![\w.~-])/(?:home|Users|root|work|workspace)/\w"
    named = re.compile("|".join([homes, re.escape(str(ROOT)) + r"\b", re.escape(str(Path.home())) + r"/"]))
    found = {str(path.relative_to(ROOT)): named.findall(text) for path, text in text_files()}
    assert {file: paths for file, paths in found.items() if paths} == {}


def test_nothing_is_left_for_later() -> None:
    # Put together here, so that this file does not find itself.
    words = (
        "TO" + "DO",
        "FIX" + "ME",
        "NotImplemented" + "Error",
        "pytest." + "skip",
        "mark." + "skip",
        "import" + "orskip",
    )
    left = re.compile("|".join(rf"\b{re.escape(word)}" for word in words))
    code = (item for item in text_files() if item[0].suffix in {".py", ".toml", ".md", ""})
    found = {str(path.relative_to(ROOT)): left.findall(text) for path, text in code}
    assert {file: words_found for file, words_found in found.items() if words_found} == {}


def test_the_version_is_the_same_everywhere() -> None:
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(
        rf"^## \[(?:Unreleased|{re.escape(__version__)})\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_these_rules_can_be_broken(tmp_path: Path) -> None:
    low = tmp_path / "harness" / "cards" / "low.py"
    low.parent.mkdir(parents=True)
    low.write_text("def f() -> None:\n    from harness.cli import main\n\nfrom harness.errors import HarnessError\n")
    assert upward(low, tmp_path) == ["harness.cli.main"]
    assert list(functions(low)) == [("f", 2)]
    low.write_text("import torch\ndef f() -> None:\n    import cv2\n")
    assert foreign(low) == {"torch", "opencv-python-headless"}
    assert foreign(low, at_start_only=True) == {"torch"}
    page = tmp_path / "page.md"
    page.write_text("# One `two`\n[a](page.md#one-two) [b](#no) [c](gone.md) [d](https://x.org) `[e](code)`\n")
    assert dead_links(page, page.read_text()) == ["#no", "gone.md"]
