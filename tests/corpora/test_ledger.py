import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dovetail.corpora import Count, Drop, Ledger, Tally
from dovetail.text.document import Document, Sentence


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_a_ledger_that_does_not_add_up_does_not_come_into_being(read, kept, dropped, listed):
    drops = (Drop("d", "entity", "duplicate"),) * listed
    if read == kept + dropped and dropped == listed:
        Ledger({"entity": Count(read, kept, dropped)}, drops)
    else:
        with pytest.raises(ValueError, match="does not add up for 'entity'"):
            Ledger({"entity": Count(read, kept, dropped)}, drops)


def test_a_reader_that_loses_a_sentence_in_silence_fails():
    tally = Tally()
    tally.read("document")
    tally.read("sentence", 2)
    tally.keep_documents([Document.from_sentence(Sentence.from_tokens(["a"]))])
    with pytest.raises(ValueError, match="'sentence'"):
        tally.ledger()


def test_summary_and_json_tell_every_count_reason_and_note():
    tally = Tally()
    tally.read("entity", 3)
    tally.keep("entity")
    tally.drop(Drop("d", "entity", "duplicate", 0, 1, type="X"))
    tally.drop(Drop("d", "entity", "discontinuous", 3, 9, "characters", "Y"))
    tally.note("field 'x' is not read", 4)
    ledger = tally.ledger()
    summary = ledger.summary()
    for line in (
        "entity: 3 read, 1 kept, 2 dropped",
        "1 x entity dropped: duplicate",
        "4 x field 'x' is not read",
    ):
        assert line in summary
    values = json.loads(json.dumps(ledger.to_dict()))
    assert values["counts"]["entity"] == {"read": 3, "kept": 1, "dropped": 2}
    assert values["drops"][1]["start"] == 3
    assert values["drops"][1]["unit"] == "characters"
    assert str(ledger.drops[1]) == "d: entity Y at characters [3, 9): discontinuous"
