"""CoNLL-style columns: reader and writer."""
