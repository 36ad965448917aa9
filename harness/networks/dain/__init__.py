"""DAIN: `network` wires its parts, a file each; `build` knows their sizes."""
