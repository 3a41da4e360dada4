"""brat standoff: reader and writer."""
