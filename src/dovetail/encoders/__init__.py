"""Encoders: from words to one vector for each token, each in one file with its featuriser."""

from dovetail.encoders.brown import BrownEncoder, read_brown_paths
from dovetail.encoders.casing import CASINGS, CasingEncoder, casing
from dovetail.encoders.characters import CharacterEncoder, character_vocabulary
from dovetail.encoders.concatenated import ConcatenatedEncoder, encoder_of
from dovetail.encoders.elmo import ElmoEncoder
from dovetail.encoders.encoder import Encoder, Features, Words
from dovetail.encoders.known_encoders import EMBEDDED, FETCHED
from dovetail.encoders.precision import Precision, fast_bfloat16
from dovetail.encoders.pretrained import PretrainedEncoder
from dovetail.encoders.pretrained_files import PretrainedFiles, find_pretrained
from dovetail.encoders.static import StaticEncoder
from dovetail.encoders.transformer import Transformer
from dovetail.encoders.word_vectors import WordVectors, read_word_vectors

__all__ = [
    "CASINGS",
    "EMBEDDED",
    "FETCHED",
    "BrownEncoder",
    "CasingEncoder",
    "CharacterEncoder",
    "ConcatenatedEncoder",
    "ElmoEncoder",
    "Encoder",
    "Features",
    "Precision",
    "PretrainedEncoder",
    "PretrainedFiles",
    "StaticEncoder",
    "Transformer",
    "WordVectors",
    "Words",
    "casing",
    "character_vocabulary",
    "encoder_of",
    "fast_bfloat16",
    "find_pretrained",
    "read_brown_paths",
    "read_word_vectors",
]
