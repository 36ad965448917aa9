"""Did-you-mean: how every unknown name in the harness is answered."""

from collections.abc import Iterable
from difflib import get_close_matches


def suggest(name: str, known: Iterable[str], *, most: int = 12) -> str:
    """One sentence that helps with an unknown name: the closest known ones, else all of them.

    >>> suggest("vimeo-fats", ["vid4", "vimeo-fast", "vimeo-slow"])
    "Did you mean 'vimeo-fast' or 'vimeo-slow'?"
    >>> suggest("zzz", ["a", "b"])
    'Known names: a, b.'
    """
    names = sorted(set(known))
    close = get_close_matches(name.lower(), names, n=3, cutoff=0.7)
    if close:
        return "Did you mean " + " or ".join(f"'{match}'" for match in close) + "?"
    if not names:
        return "There are none."
    more = f", … ({len(names)} in all)" if len(names) > most else ""
    return "Known names: " + ", ".join(names[:most]) + more + "."
