"""What a network does not know, refused in words before anything runs."""

from harness.errors import UsageError


def only_scale(network: str, *, known: int, scale: int) -> None:
    """Raise UsageError for a spatial factor that a network was not built for."""
    if scale != known:
        raise UsageError(
            f"{network} enlarges by {known}.",
            found=f"scale {scale}",
            todo=f"choose a dataset of scale {known}.",
        )


def only_rate_2(network: str, rate: int) -> None:
    """Raise UsageError for a temporal factor other than 2, for networks that make the middle frame alone."""
    if rate != 2:
        raise UsageError(
            f"{network} makes one frame between two: rate 2.",
            found=f"rate {rate}",
            todo="use --rate 2, or a method that knows other rates: tmnet, stinet, videoinr",
        )


def only_rate_1(rate: int) -> None:
    """Raise UsageError where frames are to be put between others and there is no interpolator."""
    if rate != 1:
        raise UsageError(
            "A super-resolver by itself makes no frames between others: rate 1.",
            found=f"rate {rate}",
            todo="use --task super-resolution, or put an interpolator before it: --method blend+NAME",
        )
