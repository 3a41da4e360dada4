"""Documents rendered for people, and text by others made visible."""
