"""ETDM, see `network`."""
