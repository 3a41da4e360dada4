"""Files: written at once and whole, and read under limits."""

from dovetail.files.writing import (
    Lines,
    append_line,
    is_plain,
    make_folder,
    open_atomically,
    open_lines,
    output_errors,
    put_in_place,
    replaced,
    whole_folder,
    write_text,
)

__all__ = [
    "Lines",
    "append_line",
    "is_plain",
    "make_folder",
    "open_atomically",
    "open_lines",
    "output_errors",
    "put_in_place",
    "replaced",
    "whole_folder",
    "write_text",
]
