"""From what a reader found to annotated tokens, in one way for all formats."""
