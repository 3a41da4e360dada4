"""What a package of its own brings to Dovetail: a strategy, an encoder and a corpus format."""
