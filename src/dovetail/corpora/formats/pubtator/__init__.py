"""PubTator: reader and writer."""
