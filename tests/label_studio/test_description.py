"""OpenAPI says what the backend does: schemathesis asks it everything that it describes."""

from __future__ import annotations

import pytest
from tests.descriptions import KEY, check_answers, described_at, operations_of
from tests.label_studio.conftest import serving

from dovetail.label_studio.backend import Start
from dovetail.server.guard import Access

OPERATIONS = [
    ("GET", "/"),
    ("GET", "/health"),
    ("GET", "/versions"),
    ("POST", "/predict"),
    ("POST", "/setup"),
    ("POST", "/train"),
    ("POST", "/webhook"),
]


@pytest.fixture(scope="module")
def locked(trained_model):
    """A backend that asks for a key."""
    with serving(Start(str(trained_model), threads=1), access=Access((KEY,))) as own:
        yield own


@pytest.fixture(scope="module")
def described(locked):
    return described_at(locked.address)


def test_no_address_of_label_studio_is_left_out(described):
    assert {*OPERATIONS} <= {*operations_of(described)}


@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS[3:])
def test_every_answer_is_as_described(described, locked, method, path, mode):
    check_answers(described, locked.address, method, path, mode, most=20)
