"""Files: written at once and whole, and read under limits."""

from dovetail.files.writing import (
    Lines,
    is_plain,
    make_folder,
    open_atomically,
    open_lines,
    output_errors,
    replaced,
    whole_folder,
    write_text,
)

__all__ = [
    "Lines",
    "is_plain",
    "make_folder",
    "open_atomically",
    "open_lines",
    "output_errors",
    "replaced",
    "whole_folder",
    "write_text",
]
