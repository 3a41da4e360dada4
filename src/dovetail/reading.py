"""How a model reads texts: what it was trained to expect, and what extraction does again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """How texts become what a model reads at once.

    * `language`: whose rules cut texts into words.
    * `max_tokens`: longer sentences are read in windows of so many tokens, in training as in
      extraction.
    * `overlap_tokens`: tokens that neighbouring windows share.
    """

    language: str = "en"
    max_tokens: int = 256
    overlap_tokens: int = 128


DEFAULT_READING = Reading()
"""English, and the windows of a config that says nothing of them."""
