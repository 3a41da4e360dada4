"""Relations that depend on entities: experts, one-way transfer, and a chain of probabilities."""
