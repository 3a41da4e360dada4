"""Tasks that are added to a trained model, which stays as it is."""
