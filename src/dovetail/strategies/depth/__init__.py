"""Shared layers, then layers of each task (Crone, 2020)."""
