"""A plug-in for Dovetail: a strategy, an encoder and a corpus format."""
