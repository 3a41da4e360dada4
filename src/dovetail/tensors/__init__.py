"""Tensors of sentences, and of files of weights: within limits, into networks exactly."""
