"""The content of a corpus, and what may go wrong with it."""
