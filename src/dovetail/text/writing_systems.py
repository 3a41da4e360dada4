"""The scripts that texts are written in: which language to take, and text without spaces.

A script is told from the Unicode names of letters, so nothing has to be installed.  It says enough
to cut words: scripts without spaces between words are cut by characters, and for the others the
rules of any language of the script do well.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from dovetail.text.reading import DEFAULT_LANGUAGE

LANGUAGE_BY_SCRIPT = {
    "LATIN": "en",
    "CJK": "zh",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "THAI": "th",
    "CYRILLIC": "ru",
    "GREEK": "el",
    "ARABIC": "ar",
    "HEBREW": "he",
    "ARMENIAN": "hy",
    "DEVANAGARI": "hi",
    "BENGALI": "bn",
    "TAMIL": "ta",
    "TELUGU": "te",
    "KANNADA": "kn",
    "MALAYALAM": "ml",
    "GUJARATI": "gu",
    "SINHALA": "si",
    "ETHIOPIC": "am",
}
"""A language whose rules cut words of the script; for any other script ``xx``."""

BY_CHARACTERS = frozenset({"zh", "ja", "th", "ko", "km", "lo", "my"})
"""Languages that are cut by characters: without spaces between words, or, as Korean, with endings
that are written together with a name."""

_SAMPLE_LETTERS = 20_000
_KANA_SHARE = 0.05
"""Japanese is mostly Han too; so much kana tells it from Chinese."""

# A letter of a script without spaces with the marks that belong to it, a word of any other script,
# or one other sign.
_ALONE = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\u1100-\u11ff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_MARKS = (
    r"\u0300-\u036f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece"
    r"\u102b-\u103e\u17b6-\u17d3\u3099\u309a\ufe00-\ufe0f"
)
_OTHER_WORD = rf"[^\W{_ALONE}]"
_STANDS_ALONE = re.compile(f"[{_ALONE}]")
_PIECE = re.compile(
    rf"[{_ALONE}][{_MARKS}]*|{_OTHER_WORD}+(?:[.,:'\u2019\-]{_OTHER_WORD}+)*|\S[{_MARKS}]*"
)
# Full stops, question and exclamation marks of all scripts; what may close a sentence behind them.
_ENDS = frozenset(
    "!?\u2026\u203c\u2047\u2048\u2049\u3002\uff01\uff1f\uff61\u06d4\u0964\u0965\u17d4\u104b"
)
_CLOSING = frozenset("\"')]\u201d\u2019\u300d\u300f\uff09\uff3d\u300b\u3009\u3011")


@dataclass(frozen=True, slots=True)
class Guess:
    """A language taken from the script of a text, and that script with its share of the letters."""

    language: str
    script: str
    share: float

    def __str__(self) -> str:
        if not self.script:
            return f"{self.language!r}, for there are no letters to tell from"
        return f"{self.language!r}, for {self.share:.0%} of the letters are {self.script.title()}"


def guess_language(texts: Iterable[str]) -> Guess:
    """Take a language from the first some thousand letters of texts.

    >>> str(guess_language(["Анна живёт в Бонне."]))
    "'ru', for 100% of the letters are Cyrillic"
    """
    scripts: Counter[str] = Counter()
    letters = 0
    for text in texts:
        found = [_script(sign) for sign in text[:_SAMPLE_LETTERS] if sign.isalpha()]
        scripts.update(found)
        letters += len(found)
        if letters >= _SAMPLE_LETTERS:
            break
    if not scripts:
        return Guess(DEFAULT_LANGUAGE, "", 0.0)
    kana = scripts["HIRAGANA"] + scripts["KATAKANA"]
    if kana >= _KANA_SHARE * letters and kana + scripts["CJK"] > letters / 2:
        return Guess("ja", "kana and Han", (kana + scripts["CJK"]) / letters)
    script, times = scripts.most_common(1)[0]
    name = "Han" if script == "CJK" else script
    return Guess(LANGUAGE_BY_SCRIPT.get(script, "xx"), name, times / letters)


@lru_cache(maxsize=65536)
def _script(letter: str) -> str:
    return unicodedata.name(letter, "UNKNOWN").split(" ", 1)[0].split("-", 1)[0]


def stands_alone(sign: str) -> bool:
    """Whether a character is a letter of a script that puts no spaces between words."""
    return _STANDS_ALONE.match(sign) is not None


def cut_by_characters(text: str) -> Iterator[tuple[int, int, bool]]:
    """The borders of the tokens of a text without spaces, and whether each starts a sentence.

    Every letter of such a script is a token, with its marks; a word of another script stays whole.

    >>> [text[s:e] for text in ["我在iPhone 15上。好"] for s, e, _ in cut_by_characters(text)]
    ['我', '在', 'iPhone', '15', '上', '。', '好']
    """
    ended = False
    for piece in _PIECE.finditer(text):
        sign = piece.group()[0]
        closes = sign in _ENDS or (sign in _CLOSING and ended)
        yield piece.start(), piece.end(), ended and not closes
        stop = sign == "." and text[piece.end() : piece.end() + 1].isspace()
        ended = closes or stop
