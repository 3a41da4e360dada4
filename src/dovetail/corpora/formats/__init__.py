"""Corpus formats: a module or a room for each."""
