"""Entity heads: the tagger and the scorer of spans."""
