"""Differences from the layers of a trained model."""
