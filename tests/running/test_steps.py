from __future__ import annotations

from collections.abc import Generator

from dovetail.running.steps import SILENT, Done, result_of, retold


def count(number: int) -> Generator[int, None, str]:
    yield from range(number)
    return "made"


def test_result_is_what_the_steps_return_and_all_they_tell_is_passed_on() -> None:
    told: list[int] = []
    assert result_of(count(3), told.append) == "made"
    assert told == [0, 1, 2]
    assert result_of(count(3)) == "made"


def test_steps_told_in_other_words_make_the_same() -> None:
    told: list[Done] = []
    assert result_of(retold(count(3), lambda number: Done(number, 3)), told.append) == "made"
    assert told == [Done(0, 3), Done(1, 3), Done(2, 3)]


def test_who_is_told_need_not_care() -> None:
    SILENT.stage("reading")
    SILENT.progress(Done(1, 2))
