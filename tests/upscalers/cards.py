"""Do a released file and the network that a card builds have the same layers?"""

import torch

from harness.cards import CardLibrary
from harness.upscalers.build import build_upscaler
from harness.upscalers.two_stage import TwoStage
from harness.upscalers.weights import translate
from tests.parity.references import golden

LIBRARY = CardLibrary()


def assert_the_file_fills_the_super_resolver(name: str) -> None:
    """The entries of the authors' file, by the card's key table, are the whole state of the super-resolver."""
    card = LIBRARY.method(name)
    entries = {
        f"module.{key}": torch.empty(entry.shape, device="meta") for key, entry in golden(name).entries.items()
    }
    ours = translate(entries, card.weights["authors"].key_map)
    with torch.device("meta"):
        upscaler = build_upscaler(card, LIBRARY, device="meta", untrained=True, rate=1).upscaler
    assert isinstance(upscaler, TwoStage)
    state = upscaler.super_resolver.trained.state_dict()
    assert {key: value.shape for key, value in ours.items()} == {key: value.shape for key, value in state.items()}
    assert len(ours) == len(entries)
