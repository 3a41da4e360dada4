"""Prodigy JSON lines: reader and writer."""
