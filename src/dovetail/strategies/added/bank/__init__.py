"""The layers of a trained model as a bank of filters."""
