"""Confidences that mean what they say, and thresholds for a wanted precision or recall."""
