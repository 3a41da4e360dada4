"""Layers of each task below shared ones."""
