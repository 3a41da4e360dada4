"""Training and extraction in the manner of scikit-learn, for its searches and cross-validation."""

from dovetail.estimator.estimator import DovetailEstimator

__all__ = ["DovetailEstimator"]
