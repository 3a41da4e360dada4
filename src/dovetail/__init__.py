"""Dovetail extracts entities and the relations between them in one model."""

__version__ = "0.1.0"
