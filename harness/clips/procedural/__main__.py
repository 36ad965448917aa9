"""Print what a manifest says about every embedded clip, as JSON: frames, width, height, hash of the pixels.

Run as `python -m harness.clips.procedural`.
"""

import json
import sys

from harness.clips.procedural import ProceduralFrames, SceneSpec, demo_dataset_specs


def manifest() -> dict[str, dict[str, int | str]]:
    """Clip name to frames, width, height and pixels ("sha256:" and the hash of all frames' RGB bytes)."""
    specs: dict[str, SceneSpec] = {}
    for dataset in ("demo", "demo-fast", "demo-medium", "demo-slow"):
        specs.update((spec.name, spec) for spec in demo_dataset_specs(dataset))
    return {
        name: {
            "frames": spec.frames,
            "width": spec.width,
            "height": spec.height,
            "pixels": f"sha256:{ProceduralFrames(spec).pixel_hash()}",
        }
        for name, spec in sorted(specs.items())
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(manifest(), indent=2) + "\n")
