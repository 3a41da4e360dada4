"""Gaussian features and classifiers whose prior is a mixture of the other tasks'."""
