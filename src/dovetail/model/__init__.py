"""The model: from a batch to annotations, alone and in an ensemble."""
