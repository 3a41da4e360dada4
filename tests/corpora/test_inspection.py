import json
import tomllib
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dovetail.config import SpanEntityHeadConfig, parse_config
from dovetail.corpora import Corpus, Drop, Tally
from dovetail.corpora.inspection.inspection import inspect_corpora, overlapping_pairs
from dovetail.text.document import (
    ENTITY_TASK,
    RELATION_TASK,
    Document,
    Entity,
    Relation,
    Sentence,
    Unaligned,
)


def corpus(*sentences):
    documents = tuple(map(Document.from_sentence, sentences))
    tally = Tally()
    tally.read_documents(documents)
    tally.keep_documents(documents)
    return Corpus(documents, tally.ledger())


def sentence(words, entities=(), relations=(), **options):
    tokens = words.split()
    return Sentence.from_tokens(tokens, entities=entities, relations=relations, **options)


def kinds(inspection):
    return {problem.kind for problem in inspection.problems}


spans = st.tuples(st.integers(0, 8), st.integers(1, 4))


@given(st.sets(st.builds(lambda s, t: Entity(s[0], s[0] + s[1], t), spans, st.sampled_from("AB"))))
def test_overlapping_pairs_are_all_pairs_that_share_a_token(entities):
    expected = {
        frozenset([one, other])
        for one in entities
        for other in entities
        if one != other and set(range(*one.span)) & set(range(*other.span))
    }
    found = overlapping_pairs(entities)
    assert {frozenset(pair) for pair in found} == expected
    assert len(found) == len(expected)


def test_counts_of_a_split():
    effect, drug, place = Entity(0, 3, "Effect"), Entity(1, 2, "Drug"), Entity(5, 6, "Loc")
    related = sentence(
        "a b c d e f",
        [effect, drug, place],
        [Relation(effect, drug, "By"), Relation(place, effect, "At"), Relation(place, effect, "R")],
    )
    summary = inspect_corpora({"x": corpus(related, sentence("g"))}).splits["x"]
    assert (summary.sentences, summary.tokens, summary.longest_sentence) == (2, 7, 6)
    assert summary.entities == {"Effect": 1, "Drug": 1, "Loc": 1}
    assert summary.signatures["At", "Loc", "Effect"] == 1
    assert (summary.nested, summary.crossing, summary.sentences_with_overlap) == (1, 0, 1)
    assert (summary.without_entities, summary.without_relations) == (1, 1)
    assert summary.pairs_with_two_relations == 1
    assert summary.tail_before_head == 2
    assert summary.relation_distances == {0: 1, 2: 2}


def test_crossing_entities_are_not_nested():
    summary = inspect_corpora(
        {"x": corpus(sentence("a b c", [Entity(0, 2, "A"), Entity(1, 3, "B")]))}
    ).splits["x"]
    assert (summary.nested, summary.crossing) == (0, 1)


def advice_for(*sentences):
    return inspect_corpora({"x": corpus(*sentences)}).entity_head


def test_flat_corpus_needs_nothing_but_the_tagger():
    advice = advice_for(sentence("a b c", [Entity(0, 2, "A"), Entity(2, 3, "B")]), sentence("d"))
    assert (advice.kind, advice.settings) == ("crf", ())
    assert (advice.sentences, advice.entities, advice.relations) == (0, 0, 0)


def test_scorer_of_spans_is_recommended_for_what_the_tagger_loses():
    effect, drug, place = Entity(0, 3, "Effect"), Entity(1, 2, "Drug"), Entity(5, 6, "Loc")
    pairs = [(effect, drug), (drug, place), (effect, place)]
    links = [Relation(head, tail, "R") for head, tail in pairs]
    nested = sentence("a b c d e f", [effect, drug, place], links)
    advice = advice_for(nested, sentence("g"))
    assert (advice.sentences, advice.entities, advice.relations) == (1, 1, 2)
    assert advice.reason.startswith("1 of 2 sentences have overlapping entities")
    assert "loses 1 entities and 2 relations" in advice.reason
    assert advice.settings == ("[entity_head]", 'kind = "span"')


def test_config_lines_fit_the_corpus():
    crossing = sentence("a b c", [Entity(0, 2, "A"), Entity(1, 3, "B")])
    long = sentence("w " * 20, [Entity(0, 15, "A"), Entity(3, 4, "B")])
    lines = advice_for(crossing, long).settings
    assert lines[2:] == ('overlaps = "all"', "max_width = 15")
    config = parse_config({"data": {"train": "a", "dev": "b"}, **tomllib.loads("\n".join(lines))})
    assert config.entity_head == SpanEntityHeadConfig(overlaps="all", max_width=15)


def test_few_long_entities_do_not_widen_the_scorer():
    nested = sentence("a b c", [Entity(0, 2, "A"), Entity(1, 2, "B")])
    long = sentence("w " * 20, [Entity(0, 15, "A")])
    assert advice_for(*[nested] * 500, long).settings == ("[entity_head]", 'kind = "span"')
    assert advice_for(*[nested] * 400, long).settings[-1] == "max_width = 15"


def test_no_head_finds_two_types_of_one_span():
    twins = sentence("a b", [Entity(0, 1, "A"), Entity(0, 1, "B")])
    advice = advice_for(twins)
    assert (advice.kind, advice.settings, advice.entities) == ("crf", (), 1)
    assert "so does a scorer of spans" in advice.reason
    more = advice_for(twins, sentence("a b c", [Entity(0, 2, "A"), Entity(1, 2, "B")]))
    assert more.settings == ("[entity_head]", 'kind = "span"')
    assert more.reason.endswith("can learn, but for 1 with the borders of another")


def test_clean_splits_have_no_problem():
    head, tail = Entity(0, 1, "A"), Entity(1, 2, "B")
    related = [
        sentence(words, [head, tail], [Relation(head, tail, "R")]) for words in ("a b", "c d")
    ]
    assert inspect_corpora({"train": corpus(related[0]), "test": corpus(related[1])}).problems == ()


def test_every_problem_is_named_with_an_example():
    head, tail = Entity(0, 1, "A"), Entity(1, 2, "B")
    two = sentence("a b", [head, tail], [Relation(head, tail, "R"), Relation(head, tail, "S")])
    train = corpus(
        two,
        two,
        sentence("o v", [Entity(0, 2, "A"), tail], id="o"),
        sentence("w " * 301),
        sentence("x" * 201, annotated=[ENTITY_TASK]),
    )
    test = corpus(sentence("a b", [head]))
    inspection = inspect_corpora({"train": train, "test": test})
    assert kinds(inspection) == {
        "same sentence in two splits",
        "repeated sentence",
        "type in one split only",
        "overlapping entities",
        "pair with two relations",
        "no relation",
        "long sentence",
        "long token",
        "partly annotated",
    }
    by_kind = {problem.kind: problem for problem in inspection.problems}
    assert by_kind["overlapping entities"].examples == ("o: o v",)
    assert by_kind["pair with two relations"].count == 2


def test_rare_argument_types_are_pointed_out():
    head, tail, odd = Entity(0, 1, "A"), Entity(1, 2, "B"), Entity(1, 2, "C")
    usual = [sentence(f"a {n}", [head, tail], [Relation(head, tail, "R")]) for n in range(200)]
    rare = sentence("a odd", [head, odd], [Relation(head, odd, "R")])
    [problem] = inspect_corpora({"x": corpus(*usual, rare)}).problems
    assert problem.kind == "rare argument types"
    assert "R links A to C in 1 of 201 cases" in problem.message


def test_problems_of_one_kind_are_grouped_with_up_to_ten_sentences():
    head, tail = Entity(0, 1, "A"), Entity(1, 2, "B")
    usual = [
        sentence(f"{name} {n}", [head, tail], [Relation(head, tail, name)])
        for name in "RS"
        for n in range(200)
    ]
    odd = [Entity(1, 2, f"C{n}") for n in range(12)]
    rare = [
        sentence(f"a odd{n}", [head, odd[n]], [Relation(head, odd[n], "RS"[n % 2])])
        for n in range(12)
    ]
    [problem] = inspect_corpora({"x": corpus(*usual, *rare)}).problems
    assert problem.message.startswith("2 relation types have argument types seen in less than")
    assert problem.count == 12
    assert len(problem.examples) == 10
    assert problem.examples[0] == "R links A to C0 in 1 of 206 cases\na -> odd0, in a odd0"
    types = inspect_corpora({"x": corpus(*usual), "y": corpus(*rare)}).problems
    [alone] = [item for item in types if item.kind == "type in one split only" and item.count == 12]
    assert alone.message.startswith("12 entity types occur in y only: C0 (1), C1 (1)")
    assert alone.message.endswith("and 2 more")


def test_what_tokens_cannot_express_counts_and_is_said_by_reason():
    item = Unaligned(ENTITY_TASK, "P", ((0, 1),), ("P",), "begins or ends inside a token")
    link = Unaligned(RELATION_TASK, "R", ((0, 1), (2, 3)), ("P", "P"), "crosses")
    whole = sentence("ab cd", [Entity(0, 1, "P")])
    split = replace(whole, unaligned=frozenset([item, link]))
    inspection = inspect_corpora({"x": corpus(whole, split)})
    summary = inspection.splits["x"]
    assert (summary.entities, summary.relations) == ({"P": 3}, {"R": 1})
    messages = [problem.message for problem in inspection.problems]
    assert any(
        message.startswith("1 of 3 x entities cannot be expressed by the tokens")
        and message.endswith("begins or ends inside a token")
        for message in messages
    )
    assert any(message.startswith("1 of 1 x relations cannot be") for message in messages)
    assert json.dumps(inspection.to_dict())


def test_what_is_never_held_is_counted_apart_from_what_is_lost():
    tally = Tally()
    for kind, times in (("normalization", 3), ("relation", 2), ("note", 1)):
        for number in range(times):
            tally.read(kind)
            tally.drop(Drop("d", kind, "because", number, number + 1))
    tally.read("relation", 5)
    tally.keep("relation", 5)
    ledger = tally.ledger()
    assert ledger.losses() == (
        "2 of 7 relations could not be kept; 3 normalizations and 1 notes were left out, which "
        "Dovetail never holds"
    )
    messages = [item.message for item in inspect_corpora({"x": Corpus((), ledger)}).problems]
    assert "2 of 7 x relations dropped: because" in messages
    assert any(message.endswith("left out: 3 normalizations, 1 notes") for message in messages)


def test_doubts_about_a_corpus_come_first():
    whole = replace(corpus(sentence("a")), warnings=("offsets look like UTF-16",))
    assert inspect_corpora({"x": whole}).warnings == ("x: offsets look like UTF-16",)


def test_inspection_is_plain_json():
    head, tail = Entity(0, 1, "A"), Entity(1, 2, "B")
    related = sentence("a b", [head, tail], [Relation(head, tail, "R")])
    inspection = inspect_corpora({"x": corpus(related)})
    values = json.loads(json.dumps(inspection.to_dict()))
    assert values["entity_head"]["kind"] == "crf"
    assert values["splits"]["x"]["relations"] == {"R": 1}
    assert values["splits"]["x"]["signatures"] == [
        {"relation": "R", "head": "A", "tail": "B", "count": 1}
    ]
    assert values["splits"]["x"]["ledger"]["counts"]["relation"]["kept"] == 1
