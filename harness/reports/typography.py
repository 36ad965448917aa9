r"""The same text in plain characters, Markdown and LaTeX.

Titles may carry the paper's mathematics: one letter with `^` or `_` and a letter or braces, `s^H`, `E^F`,
`l_{abs-AJ}`. Everything else is taken literally and escaped.
"""

import re
from collections.abc import Callable

_MATHS = re.compile(r"\b([A-Za-z])([\^_])(?:\{([^{}]+)\}|([A-Za-z0-9])(?!\w))")
_SUPERSCRIPTS = dict(zip("abcdefghijklmnoprstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", strict=True))
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "→": r"$\rightarrow$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "−": r"$-$",
    "∞": r"$\infty$",
    "λ": r"$\lambda$",
    "Δ": r"$\Delta$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "·": r"$\cdot$",
    "…": r"\dots{}",
    "–": "--",
    "—": "---",
    "°": r"$^\circ$",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
}


def superscript(letters: str) -> str:
    """Footnote letters as raised characters: `ab` becomes ᵃᵇ."""
    return "".join(_SUPERSCRIPTS.get(sign, sign) for sign in letters)


def plain(text: str) -> str:
    """For terminals: braces of the mathematics go, the rest stays.

    >>> plain("MCL w/o l_{abs}")
    'MCL w/o l_abs'
    """
    return _MATHS.sub(lambda found: found[1] + found[2] + (found[3] or found[4]), text)


def markdown(text: str) -> str:
    r"""For Markdown (GitHub's): mathematics by sub and sup tags, signs with a meaning escaped.

    >>> markdown("w/o s^H | x_1")
    'w/o s<sup>H</sup> \\| x<sub>1</sub>'
    """
    return _each_part(text, _markdown_maths, lambda part: re.sub(r"([\\`*_|<>\[\]#~])", r"\\\1", part))


def latex(text: str) -> str:
    r"""For LaTeX: mathematics between dollars, signs with a meaning escaped.

    >>> latex("ST-LR w/o s^H & 100%")
    'ST-LR w/o $s^{H}$ \\& 100\\%'
    """
    return _each_part(text, _latex_maths, _latex_signs)


def latex_code(text: str) -> str:
    """A long technical string in typewriter letters that may break after each bar."""
    return r"\texttt{" + _latex_signs(text).replace(r"\textbar{}", r"\textbar{}\allowbreak{}") + "}"


def _latex_maths(found: re.Match[str]) -> str:
    symbol, sign, index = found[1], found[2], found[3] or found[4]
    if len(index) == 1:
        return f"${symbol}{sign}{{{index}}}$"
    # A word is set as one: in mathematics its hyphens would be minus signs.
    command = "textsuperscript" if sign == "^" else "textsubscript"
    return rf"${symbol}$\{command}{{{_latex_signs(index)}}}"


def _markdown_maths(found: re.Match[str]) -> str:
    tag = "sup" if found[2] == "^" else "sub"
    return f"{found[1]}<{tag}>{found[3] or found[4]}</{tag}>"


def _latex_signs(text: str) -> str:
    # Two hyphens in a row would become a dash.
    return "-{}-".join("".join(_LATEX.get(sign, sign) for sign in part) for part in text.split("--"))


def _each_part(text: str, maths: Callable[[re.Match[str]], str], words: Callable[[str], str]) -> str:
    parts, end = [], 0
    for found in _MATHS.finditer(text):
        parts += [words(text[end : found.start()]), maths(found)]
        end = found.end()
    return "".join((*parts, words(text[end:])))
