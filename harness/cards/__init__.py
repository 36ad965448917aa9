"""Cards: methods, datasets and protocols as data (TOML, typed by pydantic). This room knows no torch."""

from harness.cards.dataset import ClipEntry, DatasetCard, ListEntry, Manifest
from harness.cards.library import CardLibrary, card_folders, shipped_folder
from harness.cards.method import MethodCard, PaperRow, Stage, WeightsFile
from harness.cards.overrides import Overrides
from harness.cards.protocol import ProtocolCard, Windows

__all__ = [
    "CardLibrary",
    "ClipEntry",
    "DatasetCard",
    "ListEntry",
    "Manifest",
    "MethodCard",
    "Overrides",
    "PaperRow",
    "ProtocolCard",
    "Stage",
    "WeightsFile",
    "Windows",
    "card_folders",
    "shipped_folder",
]
