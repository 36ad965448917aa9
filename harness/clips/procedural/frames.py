"""A procedural clip read like any other: by frame number, and with a fingerprint of what it is made of."""

from __future__ import annotations

import hashlib
import json

from harness.clips.procedural.photographs import PHOTOGRAPHS, Pixels, photograph
from harness.clips.procedural.renderer import VERSION, render
from harness.clips.procedural.scene import SceneSpec
from harness.errors import DataError


class ProceduralFrames:
    """The frames of a scene at t = 0, 1, ..., rendered when they are read; none is kept.

    Args:
        spec: the scene.
    """

    def __init__(self, spec: SceneSpec) -> None:
        self.spec = spec

    def __len__(self) -> int:
        return self.spec.frames

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a frame, pixels."""
        return self.spec.height, self.spec.width

    def read(self, index: int) -> Pixels:
        """Frame `index`, uint8 RGB (H, W, 3).

        Raises:
            DataError: the clip has no such frame, or a photograph is missing or damaged.
        """
        if not 0 <= index < len(self):
            raise DataError(
                f"Clip '{self.spec.name}' has no frame {index}.",
                found=f"{len(self)} frames",
                todo=f"ask for a frame from 0 to {len(self) - 1}",
            )
        return render(self.spec, float(index)).frame

    def fingerprint(self) -> str:
        """Hex sha256 of all that decides the pixels: the scene, the renderer's version, the photographs' pixels.

        Raises:
            DataError: a photograph is missing or damaged.
        """
        names = sorted({layer.photograph for layer in self.spec.layers})
        for name in names:
            photograph(name)  # checks its pixels against PHOTOGRAPHS
        made_of = {
            "photographs": {name: PHOTOGRAPHS[name] for name in names},
            "renderer": VERSION,
            "scene": json.loads(self.spec.canonical_json()),
        }
        return hashlib.sha256(json.dumps(made_of, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def pixel_hash(self) -> str:
        """Hex sha256 of the RGB bytes of all frames in order, the manifest's `pixels`; renders them all."""
        digest = hashlib.sha256()
        for index in range(len(self)):
            digest.update(self.read(index).tobytes())
        return digest.hexdigest()
