"""What to annotate next: the texts that a model would learn most from."""

from dovetail.suggestion.choice import Chosen, chosen
from dovetail.suggestion.doubts import Doubted, doubted

__all__ = ["Chosen", "Doubted", "chosen", "doubted"]
