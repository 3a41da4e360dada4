"""The layers that the project exists for: CRF, recurrent layers that respect lengths, scorers."""
