"""Key files."""

from __future__ import annotations

import os

import pytest
from tests.hostile import make_fifo

from dovetail.errors import ConfigError
from dovetail.server.keys import can_be_read_by_others, read_keys

KEY = "0123456789abcdef"


def file_with(tmp_path, content):
    file = tmp_path / "keys"
    file.write_bytes(content)
    return file


def test_keys_stand_one_a_line(tmp_path):
    content = f"# of the team\n{KEY}\n\n  other-{KEY}  \r\n".encode()
    assert read_keys(file_with(tmp_path, content)) == (KEY, f"other-{KEY}")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has no key; `openssl rand"),
        (b"# nothing\n", "has no key"),
        (b"short\n", ":1: expected a key of at least 16 visible ASCII characters, found 5"),
        (f"{KEY}\n{KEY} {KEY}\n".encode(), ":2: expected a key"),
        (b"\xff" * 20, "ASCII"),
        (b"a" * 70_000, "bytes or more"),
    ],
)
def test_file_without_a_usable_key_is_refused(tmp_path, content, said):
    with pytest.raises(ConfigError, match=said):
        read_keys(file_with(tmp_path, content))


def test_key_file_that_is_no_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="found a FIFO"):
        read_keys(make_fifo(tmp_path))
    with pytest.raises(ConfigError, match="cannot be read"):
        read_keys(tmp_path / "nowhere")


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_file_that_others_may_read_is_noticed(tmp_path):
    file = file_with(tmp_path, KEY.encode())
    for mode, noticed in ((0o600, False), (0o640, True), (0o604, True)):
        file.chmod(mode)
        assert can_be_read_by_others(file) is noticed
