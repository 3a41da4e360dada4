"""Text and what is said of it: documents, sentences, tokens, types.  No torch."""
