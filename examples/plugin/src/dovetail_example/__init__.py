"""A plug-in for Dovetail: a strategy, a coupling, an encoder and a corpus format."""
