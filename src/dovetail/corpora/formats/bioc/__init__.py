"""BioC: reader and writer."""
