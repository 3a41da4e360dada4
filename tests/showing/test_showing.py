from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.showing.visible import MAX_LINE, MAX_LINES, shown, shown_json, shown_message

OBEYED = "".join(
    map(chr, [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), 0x2066, 0x2069])
)


def test_every_control_character_is_shown_as_one_of_its_own() -> None:
    controls = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"]
    pictures = [shown(control) for control in controls]
    assert len(set(pictures)) == len(controls)
    assert all(picture.isprintable() for picture in pictures)
    assert shown("\x00\x1b\x7f\x9b\u202e\ud800") == "␀␛␡\\x9b\\u202e\\ud800"


@pytest.mark.parametrize(
    "text", ["שלום", "مرحبا", "👩‍🔬 ab", "é", "naïve\u00a0x", "א\u200fב", "🇩🇪", "漢字"]
)
def test_scripts_emoji_and_their_joiners_are_shown_as_they_are(text: str) -> None:
    assert shown(text) == text


@given(st.text(st.characters() | st.sampled_from(OBEYED)))
def test_shown_text_holds_nothing_that_a_terminal_obeys(text: str) -> None:
    found = shown(text)
    assert not {"Cc", "Cs", "Zl", "Zp"} & {unicodedata.category(c) for c in found if c != "\n"}
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") & set(found)
    assert shown(found) == found


@given(st.recursive(st.text(st.sampled_from(OBEYED + "aé")), st.lists))
def test_shown_json_is_the_same_value(value: object) -> None:
    found = shown_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(found) == value
    assert shown(found) == found


@given(st.text(max_size=MAX_LINE).filter(lambda text: text.count("\n") < MAX_LINES))
def test_message_of_usual_length_is_shown_whole(text: str) -> None:
    assert shown_message(text) == shown(text)


def test_line_of_a_message_keeps_its_beginning_and_its_end() -> None:
    found = shown_message(f"corpus.jsonl:3: unknown type {'x' * 2_000_000!r}; name another")
    assert found.startswith("corpus.jsonl:3: unknown type 'xxx")
    assert found.endswith("xxx'; name another")
    left_out = 2_000_000 + len("corpus.jsonl:3: unknown type ''; name another") - MAX_LINE
    assert f"({left_out:,} characters)" in found
    assert len(found) < MAX_LINE + 40


def test_long_messages_say_how_many_lines_are_left_out() -> None:
    found = shown_message("\n".join(f"line {number}" for number in range(1, 100_001)))
    assert found.endswith("line 60\n… and 99,940 more lines")


@pytest.mark.filterwarnings("error")
def test_names_in_figures_are_neither_commands_nor_formulas(tmp_path) -> None:
    from dovetail.lab.statistics.figures import score_figure

    name = "a\x1b]0;owned\x07\u202e $\\frac$"
    configs = [{"name": name, "scores": {"dev": {}}, "costs": {}}]
    figure = score_figure(
        configs, {"entity_micro": {name: []}, "relation_micro": {name: []}}, "dev", name
    )
    figure.savefig(tmp_path / "figure.png")
    (label,) = figure.axes[0].get_yticklabels()
    assert not set(OBEYED) & set(label.get_text())
