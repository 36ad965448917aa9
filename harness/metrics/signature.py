"""The metric part of a signature: which metrics, in which version, with which settings. Imports no torch."""

from collections.abc import Iterable, Mapping

from harness.metrics import metric_info


def metric_signature(names: Iterable[str], identities: Mapping[str, str] | None = None) -> str:
    """One short, stable string for a set of metrics; numbers with different signatures never share a column.

    Args:
        names: names of metrics, in any order; repeated names count once.
        identities: settings of a metric by name, as its `identity` gives them; missing or empty means none.

    Returns:
        The metrics in alphabetical order, separated by one blank.

    Raises:
        UsageError: if there is no such metric.

    >>> metric_signature(["ssim-y", "psnr-y"], {"ssim-y": "gauss11,s1.5,valid"})
    'psnr-y:v1 ssim-y:v1(gauss11,s1.5,valid)'
    """
    settings = identities or {}
    return " ".join(
        f"{name}:v{metric_info(name).version}" + (f"({settings[name]})" if settings.get(name) else "")
        for name in sorted(set(names))
    )
