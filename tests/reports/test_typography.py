"""One text in three alphabets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.reports.model import letter, printed
from harness.reports.typography import latex, latex_code, markdown, plain, superscript


@pytest.mark.parametrize(
    ("text", "expected_plain", "expected_markdown", "expected_latex"),
    [
        ("MCL w/o l_{abs}", "MCL w/o l_abs", "MCL w/o l<sub>abs</sub>", r"MCL w/o $l$\textsubscript{abs}"),
        ("l_{abs-AJ}", "l_abs-AJ", "l<sub>abs-AJ</sub>", r"$l$\textsubscript{abs-AJ}"),
        ("ST-LR w/o s^H", "ST-LR w/o s^H", "ST-LR w/o s<sup>H</sup>", "ST-LR w/o $s^{H}$"),
        ("ST-GR→BDCL", "ST-GR→BDCL", "ST-GR→BDCL", r"ST-GR$\rightarrow$BDCL"),
        ("my_net|v2 *", "my_net|v2 *", r"my\_net\|v2 \*", r"my\_net\textbar{}v2 *"),
        ("50% & more #1 {x}", "50% & more #1 {x}", r"50% & more \#1 {x}", r"50\% \& more \#1 \{x\}"),
        ("--protocol", "--protocol", "--protocol", "-{}-protocol"),
    ],
)
def test_alphabets(text: str, expected_plain: str, expected_markdown: str, expected_latex: str) -> None:
    assert plain(text) == expected_plain
    assert markdown(text) == expected_markdown
    assert latex(text) == expected_latex


def test_signatures_may_break_after_each_bar() -> None:
    assert latex_code("rate:2|border:0") == r"\texttt{rate:2\textbar{}\allowbreak{}border:0}"


@given(st.text())
def test_latex_never_leaves_a_sign_with_a_meaning(text: str) -> None:
    done = latex(text)
    for sign in "%&#":
        assert done.count(sign) == done.count("\\" + sign)
    depth = 0
    for before, sign in zip(" " + done, done, strict=False):
        depth += (sign == "{" and before != "\\") - (sign == "}" and before != "\\")
        assert depth >= 0
    assert depth == 0


def test_letters_go_on_after_z_and_can_be_raised() -> None:
    assert [letter(index) for index in (0, 15, 16, 24, 25, 26, 50)] == ["a", "p", "r", "z", "aa", "ab", "ba"]
    assert superscript("ab") == "ᵃᵇ"
    assert len({letter(index) for index in range(300)}) == 300


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [(26.789, 2, "26.79"), (-0.001, 2, "0.00"), (0.0, 4, "0.0000"), (float("inf"), 2, "∞"), (-1.5, 1, "-1.5")],
)
def test_printed(value: float, decimals: int, expected: str) -> None:
    assert printed(value, decimals) == expected
