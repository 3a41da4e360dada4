# ruff: noqa: RUF001  letters of other scripts are what is tested
import subprocess
import sys
import threading
import time
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dovetail.errors import CorpusError
from dovetail.text.tokenization import LONGEST_RUN_CHARS, Tokenizer
from dovetail.text.visibility import NO_WIDTH, is_visible

# Everything but halves of surrogate pairs, which are not characters.
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer()


TOKENIZER = Tokenizer()


@settings(max_examples=300, deadline=None)
@given(any_text)
@example("a\0b \0 \0")
@example("👩\u200d👩\u200d👧 🇩🇪 e\u0301 שלום עולם. \u200f\u0645\u0631\u062d\u0628\u0627\u061f ok")
@example("\n\n \t\r\n\u2028\u3000\xa0")
@example("He came.\n\n \nShe (U.S.) left... \ufeffnaïve")
@example("." * 3 * LONGEST_RUN_CHARS + " end")
def test_tokens_and_white_space_are_the_whole_text(text):
    document = TOKENIZER.document(text)
    position = 0
    for sentence in document.sentences:
        assert sentence.tokens
        for token, (start, end) in zip(sentence.tokens, sentence.offsets, strict=True):
            assert token == text[start:end]
            assert start >= position
            assert not token.isspace()
            assert not is_visible(text[position:start])
            position = end
    assert not is_visible(text[position:])


@pytest.mark.parametrize("text", ["", " ", "\n\n\t"])
def test_text_without_a_word_has_no_sentence(tokenizer, text):
    assert tokenizer.document(text).sentences == ()


def test_sentences_end_at_full_stops_and_blank_lines(tokenizer):
    document = tokenizer.document(
        "A headline\n\nMr. Smith left the U.S. yesterday. He is\nback.", "d"
    )
    assert [" ".join(sentence.tokens) for sentence in document.sentences] == [
        "A headline",
        "Mr. Smith left the U.S. yesterday .",
        "He is back .",
    ]
    assert [sentence.id for sentence in document.sentences] == ["d-0", "d-1", "d-2"]


def test_language_decides_how_words_are_cut():
    words = {
        language: Tokenizer(language).document("Dell'acqua z.B. usted.").sentences[0].tokens
        for language in ("it", "de")
    }
    assert "Dell'" in words["it"]
    assert "z.B." in words["de"]


@pytest.mark.parametrize("language", ["qq", "", "../x"])
def test_unknown_language_is_refused_with_a_hint(language):
    with pytest.raises(CorpusError, match=r"no tokenizer for the language.*'en'.*'xx'"):
        Tokenizer(language)


def test_half_a_surrogate_pair_is_refused_with_its_place(tokenizer):
    with pytest.raises(CorpusError, match="at character 3"):
        tokenizer.document("abc\ud800")


def test_token_of_any_length_stays_whole(tokenizer):
    word = "a" * 100_000
    assert tokenizer.document(f"see {word} .").sentences[0].tokens == ("see", word, ".")


def seconds_for(tokenizer: Tokenizer, text: str) -> float:
    start = time.process_time()
    tokenizer.document(text)
    return time.process_time() - start


@pytest.mark.parametrize(
    "unit",
    ["word ", "a", '"(', "http://a.b/", "a.b. ", " \n"],
    ids=["sentence", "token", "punctuation", "address", "full stops", "white space"],
)
def test_time_is_linear_in_the_text(tokenizer, unit):
    short, long = unit * (20_000 // len(unit)), unit * (400_000 // len(unit))
    seconds_for(tokenizer, short)
    # Quadratic time would be 400 times as much for 20 times the text.
    assert seconds_for(tokenizer, long) < 80 * seconds_for(tokenizer, short) + 0.5


def test_one_tokenizer_serves_several_threads(tokenizer):
    text = "One sentence here. Another one there. " * 50
    expected = tokenizer.document(text)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(tokenizer.document(text))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def test_importing_the_module_does_not_import_spacy():
    code = "import sys, dovetail.text.tokenization; sys.exit('spacy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def cut(text: str, unit: str = "sentence", language: str = "en") -> list[str]:
    document = Tokenizer(language, unit).document(text)
    return [" ".join(sentence.tokens) for sentence in document.sentences]


@pytest.mark.parametrize("separator", ["\f", "\u2028", "\u2029", "\r\r", "\n\n", "\r\n\r\n", "\v"])
def test_pages_lines_and_paragraphs_end_a_sentence(separator):
    assert cut(f"The king of Norway{separator}Bo Li came") == ["The king of Norway", "Bo Li came"]


def test_lines_of_a_list_are_sentences_and_lines_of_wrapped_text_are_not():
    names = "Anna Ito, Bonn\nOtto Maier, Oslo\nBo Li, Turku\n"
    assert len(cut(names)) == 3
    wrapped = (
        "The committee that was set up by the government of Norway in the spring of\n"
        "1990 sent Anna Ito, who had lived in Bonn, and her colleague Otto Maier, from\n"
        "Oslo, to the archives of Turku and Gdynia, where they were to look for letters\n"
        "Of the king and his brothers that had been thought lost since the great fire\n"
    )
    assert len(cut(wrapped)) == 1
    assert len(cut("Figure 1\n" + wrapped)) == 2
    assert len(cut("A short line\nthat goes on")) == 1


@pytest.mark.parametrize(
    ("unit", "number"),
    [("sentence", 5), ("line", 3), ("paragraph", 2), ("document", 1), ("sentences:2", 3)],
)
def test_a_unit_is_what_is_read_at_once(unit, number):
    text = "One came. Two\u2028went. Three stayed.\n\nFour left?"
    units = cut(text, unit)
    assert len(units) == number
    assert " ".join(units).split() == " ".join(cut(text)).split()


@pytest.mark.parametrize("unit", ["sentences", "sentences:0", "sentences:-1", "page", ""])
def test_unknown_unit_is_refused_with_the_known_ones(unit):
    with pytest.raises(ValueError, match=r"sentence, line, paragraph, document, or sentences:N"):
        Tokenizer("en", unit)


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("我在。京 a1.\n！ทุ่が゙ー김철수。"), max_size=40))
def test_by_characters_every_character_belongs_to_one_token(text):
    tokenizer = Tokenizer("zh")
    tokens = [span for s in tokenizer.document(text).sentences for span in s.offsets]
    assert all(left[1] <= right[0] for left, right in pairwise(tokens))
    inside = "".join(text[start:end] for start, end in tokens)
    assert inside == "".join(text.split())


def test_scripts_without_spaces_need_no_extra():
    assert cut("我在iPhone 15上。好吗？他来了", language="zh") == [
        "我 在 iPhone 15 上 。",
        "好 吗 ？",
        "他 来 了",
    ]
    assert cut("ที่นี่", language="th") == ["ที่ นี่"]
    for language in ("ja", "ko"):
        assert cut("が김", language=language) == ["が 김"]


@pytest.mark.parametrize("language", ["en.examples", "lex_attrs", "punctuation", "char_classes"])
def test_only_languages_that_spacy_lists_are_imported(language):
    with pytest.raises(CorpusError, match="no tokenizer for the language"):
        Tokenizer(language)


def test_invisible_characters_at_the_border_of_a_word_are_not_of_it():
    document = TOKENIZER.document("\ufeffAnn\u200b met \u200b Bo\u00adbo\u200e.")
    assert document.sentences[0].tokens == ("Ann", "met", "Bo\u00adbo", ".")


@pytest.mark.parametrize("sign", sorted(NO_WIDTH), ids=ascii)
def test_what_extraction_leaves_out_of_an_entity_is_of_no_word(tokenizer, sign):
    assert tokenizer.document(f"{sign}Ann{sign} left").sentences[0].tokens == ("Ann", "left")
