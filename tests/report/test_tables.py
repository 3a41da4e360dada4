"""The tables of a page say what was counted."""

from __future__ import annotations

from hypothesis import given, settings
from tests.evaluation.annotations import corpora, symmetric_types

from dovetail.report.cards import cards
from dovetail.report.report_tables import confusion_table, kind_tables, score_tables
from dovetail.report.scored import ScoredCorpus


def corpus_of(pairs, symmetric=frozenset()) -> ScoredCorpus:
    return ScoredCorpus("here", [g for g, _ in pairs], [p for _, p in pairs], symmetric)


@settings(deadline=None)
@given(pairs=corpora, symmetric=symmetric_types)
def test_kinds_add_up_to_false_negatives_and_false_positives(pairs, symmetric):
    corpus = corpus_of(pairs, symmetric)
    evaluation = corpus.evaluation
    strict = {"entity": evaluation.entity_strict, "relation": evaluation.relation_strict}
    for table in kind_tables(corpus):
        assert table.missed == strict[table.task].micro.false_negatives
        assert table.wrong == strict[table.task].micro.false_positives
        assert sum(row.count for row in table.rows if row.missed) == table.missed
        assert sum(row.count for row in table.rows if row.wrong) == table.wrong
        for row in table.rows:
            assert sum(row.by_type) == row.count
    told = sum(len(card.errors) for card in cards(corpus))
    assert told == sum(table.total for table in kind_tables(corpus))


@settings(deadline=None)
@given(pairs=corpora)
def test_confusion_is_laid_out_whole(pairs):
    corpus = corpus_of(pairs)
    table = confusion_table(corpus.confusion)
    assert len(table.rows) == len(table.columns)
    assert sum(cell.count for _, cells, _ in table.rows for cell in cells) == sum(
        corpus.confusion.counts.values()
    )
    for _, cells, total in table.rows:
        assert sum(cell.count for cell in cells) == total


@settings(deadline=None)
@given(pairs=corpora)
def test_tables_are_of_tasks_that_are_annotated(pairs):
    corpus = corpus_of(pairs)
    tasks = [table.task for table in score_tables(corpus.evaluation)]
    annotated = {task for gold in corpus.gold for task in gold.annotated}
    assert tasks == [
        name
        for task, name in (("entity", "Entities"), ("relation", "Relations"))
        if task in annotated
    ]
