"""The public corpora, read whole: the counts are those that their sources and others report."""

from collections import Counter

import pytest

from dovetail.corpora import read_corpus
from dovetail.corpora.inspection.inspection import inspect_corpora, overlapping_pairs
from dovetail.text.document import ENTITY_TASK, TASKS
from dovetail.text.reading import Reading

# file: format, sentences, entities read, relations read, drops
COUNTS = {
    "conll04/conll04_train.json": ("spert", 922, 3377, 1283, {}),
    "conll04/conll04_dev.json": ("spert", 231, 893, 343, {}),
    "conll04/conll04_test.json": ("spert", 288, 1079, 422, {}),
    "conll04/unified_train.json": ("unified", 922, 3377, 1283, {}),
    "conll04/corp.tsv": ("conll04", 5516, 14177, 2048, {}),
    "formats/conll04_bilou_dev.json": ("tagged", 231, 893, 343, {}),
    "formats/conll04_multihead_dev.txt": ("multihead", 243, 877, 353, {}),
    "ade/ade_full.json": ("spert", 4272, 10839, 6821, {}),
    "scierc/scierc_joint_er_train.json": ("spert", 1861, 5598, 3219, {"duplicate": 4}),
    "scierc/scierc_joint_er_dev.json": ("spert", 275, 811, 455, {}),
    "scierc/scierc_joint_er_test.json": ("spert", 551, 1685, 974, {}),
    "scierc/dygie/train.json": ("dygie", 1861, 5598, 3219, {"duplicate": 4}),
    "scierc/dygie/dev.json": ("dygie", 275, 811, 455, {}),
    "scierc/dygie/test.json": ("dygie", 551, 1685, 974, {}),
    "formats/columns_ncbi/devel.tsv": ("columns", 923, 787, 0, {}),
    "formats/columns_wnut17/emerging.dev.conll": ("columns", 1009, 836, 0, {}),
    "formats/columns_wnut17/wikigold.conll.txt": ("columns", 1696, 3558, 0, {}),
}


@pytest.mark.parametrize("name", COUNTS)
def test_file_gives_the_counts_of_its_source(data_folder, name):
    format, sentences, entities, relations, drops = COUNTS[name]
    corpus = read_corpus(data_folder / name)
    assert corpus.ledger["sentence"].read == corpus.ledger["sentence"].kept == sentences
    assert corpus.ledger["entity"].read == entities
    assert corpus.ledger["relation"].read == relations
    assert Counter(drop.reason for drop in corpus.ledger.drops) == drops
    # The recogniser found the right format, and not one that happens to read the same.
    assert read_corpus(data_folder / name, format=format) == corpus


@pytest.mark.parametrize("domain", ["ai", "literature", "music", "news", "politics", "science"])
def test_crossre_is_read_with_its_inclusive_ends(data_folder, domain):
    for split in ("train", "dev", "test"):
        path = data_folder / "crossre" / f"{domain}-{split}.json"
        corpus = read_corpus(path, expect_relations=True)
        assert corpus.ledger["sentence"].kept == len(path.read_text().splitlines())
        assert not corpus.ledger["entity"].dropped
        assert corpus.ledger["relation"].dropped <= 1  # a duplicate, or a self-relation
        assert {reason for _, reason in corpus.ledger.reasons()} <= {
            *("duplicate", "links an entity to itself")
        }


def test_ade_folds_cut_the_whole_corpus_in_ten(data_folder):
    folder = data_folder / "ade"
    whole = read_corpus(folder / "ade_full.json")
    tests = [read_corpus(folder / f"ade_split_{fold}_test.json") for fold in range(10)]
    assert sum(len(corpus.sentences) for corpus in tests) == 4272
    together = Counter(sentence.tokens for corpus in tests for sentence in corpus.sentences)
    assert together == Counter(sentence.tokens for sentence in whole.sentences)


def shape(sentence):
    """A sentence without what the two forms spell differently: brackets and relation types."""
    relations = {(r.head, r.tail, r.type.lower()) for r in sentence.relations}
    return len(sentence.tokens), sentence.entities, frozenset(relations)


def test_both_forms_of_scierc_have_the_same_annotations(data_folder):
    folder = data_folder / "scierc"
    for split in ("train", "dev", "test"):
        spert = read_corpus(folder / f"scierc_joint_er_{split}.json").sentences
        dygie = read_corpus(folder / "dygie" / f"{split}.json").sentences
        assert Counter(map(shape, spert)) == Counter(map(shape, dygie))


def test_original_conll04_agrees_with_the_later_form_of_it(data_folder):
    folder = data_folder / "conll04"
    later = {
        sentence.id: sentence
        for split in ("train", "dev", "test")
        for sentence in read_corpus(folder / f"conll04_{split}.json").sentences
    }
    original = read_corpus(folder / "corp.tsv").sentences
    related = {sentence.id: sentence for sentence in original if sentence.relations}
    assert related.keys() == later.keys()
    assert len(related) == 1441
    different = {
        id
        for id, sentence in related.items()
        if (sentence.tokens, sentence.entities, sentence.relations)
        != (later[id].tokens, later[id].entities, later[id].relations)
    }
    # Three later sentences glue a comma to a word, as ",Ohio", where the original has two words.
    assert different == {"5273", "5331", "5343"}
    without = [sentence for sentence in original if not sentence.relations]
    assert len(without) == 4075
    assert {sentence.annotated for sentence in without} == {frozenset([ENTITY_TASK])}
    assert {sentence.annotated for sentence in related.values()} == {frozenset(TASKS)}


# folder: language, documents, entities read, relations read, drops of entities and relations
BRAT = {
    "brat_ncbi": ("en", 100, 787, 0, {}),
    "brat_scienceie17": (
        *("en", 50, 1162, 168),
        {("entity", "duplicate"): 8, ("relation", "crosses the border of a sentence"): 5},
    ),
    "brat_ehealthkd_es": (
        *("es", 5, 12021, 11259),
        {
            ("entity", "discontinuous: other words stand between its fragments"): 59,
            ("relation", "an argument was dropped"): 83,
            ("relation", "crosses the border of a sentence"): 6,
            ("relation", "links an entity to itself"): 4,
        },
    ),
}


@pytest.mark.parametrize("name", BRAT)
def test_brat_folder_is_read_whole(data_folder, name):
    language, documents, entities, relations, drops = BRAT[name]
    corpus = read_corpus(
        data_folder / "formats" / name, reading=Reading(language=language, borders="cut")
    )
    assert corpus.ledger["document"].kept == documents
    assert corpus.ledger["entity"].read == entities
    assert corpus.ledger["relation"].read == relations
    held = {
        key: times
        for key, times in corpus.ledger.reasons().items()
        if key[0] in ("entity", "relation")
    }
    assert held == drops


def test_one_corpus_has_the_same_entities_in_two_formats(data_folder):
    formats = data_folder / "formats"
    columns = read_corpus(formats / "columns_ncbi" / "devel.tsv")
    brat = read_corpus(formats / "brat_ncbi")
    surfaces = [
        Counter(
            "".join(document.surface(sentence, entity).split())
            for document in corpus.documents
            for sentence in document.sentences
            for entity in sentence.entities
        )
        for corpus in (columns, brat)
    ]
    assert surfaces[0].total() == surfaces[1].total() == 787
    assert surfaces[0] == surfaces[1]


def test_conll04_inspection_finds_the_sentences_that_leak(data_folder):
    corpora = {
        split: read_corpus(data_folder / "conll04" / f"conll04_{split}.json")
        for split in ("train", "dev", "test")
    }
    inspection = inspect_corpora(corpora)
    messages = [problem.message for problem in inspection.problems]
    assert any(
        message.startswith("19 of 288 test sentences also occur in train or dev")
        for message in messages
    )
    kinds = {problem.kind for problem in inspection.problems}
    assert kinds == {"same sentence in two splits", "repeated sentence"}
    for summary in inspection.splits.values():
        assert summary.without_relations == summary.pairs_with_two_relations == 0
        assert set(summary.signatures) == {
            ("Work_For", "Peop", "Org"),
            ("Kill", "Peop", "Peop"),
            ("OrgBased_In", "Org", "Loc"),
            ("Live_In", "Peop", "Loc"),
            ("Located_In", "Loc", "Loc"),
        }
    test = inspection.splits["test"]
    assert round(test.tail_before_head / test.relations.total(), 1) == 0.4


def test_ade_inspection_finds_the_nested_drugs(data_folder):
    corpus = read_corpus(data_folder / "ade" / "ade_full.json")
    summary = inspect_corpora({"all": corpus}).splits["all"]
    assert summary.sentences_with_overlap == 119
    assert (summary.nested, summary.crossing) == (120, 0)
    for sentence in corpus.sentences:
        for pair in overlapping_pairs(sentence.entities):
            effect, drug = sorted(pair, key=lambda entity: entity.type)
            assert (effect.type, drug.type) == ("Adverse-Effect", "Drug")
            assert any((r.head, r.tail) == (effect, drug) for r in sentence.relations)
