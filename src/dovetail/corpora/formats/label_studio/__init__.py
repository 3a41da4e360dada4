"""Label Studio JSON: reader and writer."""
