"""Experiments: a plan of configs, seeds and folds, done cell by cell, and what came of it.

It knows how to train and score a model, and nothing of what is inside one.
"""
