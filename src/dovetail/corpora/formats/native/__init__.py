"""Dovetail's own JSON lines: reader and writer."""
