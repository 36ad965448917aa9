"""TTVSR, see `network`."""
