"""WebAnno TSV 3: reader and writer."""
