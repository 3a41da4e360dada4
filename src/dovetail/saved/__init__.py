"""Model folders: written, read, found by name."""
