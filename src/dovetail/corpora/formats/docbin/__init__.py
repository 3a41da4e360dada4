"""spaCy's DocBin: reader and writer."""
