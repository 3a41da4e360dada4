"""CoNLL-U Plus: reader and writer."""
