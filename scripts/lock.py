"""Write requirements.lock and encoder.lock: what Dovetail needs, with digests of every file.

    make lock                                              # both, for Dovetail and `serve`
    python scripts/lock.py --extra bulk --extra ray -o bulk.lock    # one for other extras

Versions are those of constraints.txt.  uv (pip install uv) resolves them and asks the index for the
digests of all files of each release.  torch is the build without CUDA, so it has to be found
(PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS, see docs/installation.md); where it was is not written.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from dependency_graph import ENCODER, PROJECT

LOCK = PROJECT / "requirements.lock"
ENCODER_LOCK = PROJECT / "encoder.lock"

EXTRAS = ("serve",)
"""Of requirements.lock: what the image of Containerfile installs."""

PLATFORM = "x86_64-manylinux_2_28"
PYTHON = "3.11"

HEAD = """\
# Made by `make lock` of pyproject.toml and constraints.txt; docs/supply_chain.md says what for.
# For Linux x86-64 and Python 3.11{extras}.
"""

PIN = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)
DIGEST = re.compile(r"--hash=sha256:([0-9a-f]{64})\b")


def pinned(lock: str) -> dict[str, tuple[str, frozenset[str]]]:
    """The version of each package in a lock, and the SHA-256 of files that may be taken for it.

    >>> pinned("six==1.0 --hash=sha256:" + 64 * "0")["six"]
    ('1.0', frozenset({'0000000000000000000000000000000000000000000000000000000000000000'}))
    """
    parts = PIN.split(lock)[1:]
    return {
        parts[place]: (parts[place + 1], frozenset(DIGEST.findall(parts[place + 2])))
        for place in range(0, len(parts), 3)
    }


def environment_of_uv() -> dict[str, str]:
    """This environment, with the places that pip is told of by variables told to uv too."""
    places = {"UV_EXTRA_INDEX_URL": "PIP_EXTRA_INDEX_URL", "UV_FIND_LINKS": "PIP_FIND_LINKS"}
    told = {own: os.environ[pips] for own, pips in places.items() if pips in os.environ}
    return told | os.environ


def compiled(*arguments: str, requirements: str | None = None) -> str:
    """The lines of a lock.

    Raises:
        SystemExit: if there is no uv, or it finds no solution.
    """
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if uv is None:
        raise SystemExit("there is no uv; install it with `pip install uv`, or say `make lock`")
    command = [uv, "pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate"]
    command += ["--no-emit-index-url", "--no-emit-find-links", "--constraint", "constraints.txt"]
    command += ["--python-version", PYTHON, "--python-platform", PLATFORM]
    command += ["--index-strategy", "unsafe-best-match"]  # as pip does: of all indexes together
    run = subprocess.run(
        [*command, *arguments],
        cwd=PROJECT,
        env=environment_of_uv(),
        input=requirements,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if run.returncode:
        raise SystemExit(run.returncode)
    return run.stdout


def lock_of(extras: tuple[str, ...]) -> str:
    """A lock of Dovetail with some extras.

    Raises:
        SystemExit: if it cannot be made, or torch would be the build with CUDA.
    """
    lines = compiled("pyproject.toml", *(word for own in extras for word in ("--extra", own)))
    version, _ = pinned(lines)["torch"]
    if not version.endswith("+cpu"):
        raise SystemExit(
            f"torch would be {version}, the build with CUDA; let pip find the one without "
            f"(PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS, see docs/installation.md)"
        )
    named = f", with the extras {', '.join(extras)}" if extras else ""
    return HEAD.format(extras=named) + lines


def lock_of_encoder() -> str:
    """A lock of the encoder's package alone, for ``pip install --no-deps``."""
    return HEAD.format(extras="; install it with --no-deps") + compiled(
        "--no-deps", "-", requirements=ENCODER
    )


def main() -> None:
    """Write the locks, or one for the extras that are named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--extra", action="append", help="an extra; may be repeated")
    parser.add_argument("-o", "--output", type=Path, help="the file, with --extra")
    options = parser.parse_args()
    if (options.extra is None) != (options.output is None):
        parser.error("--extra and --output go together")
    if options.extra:
        locks = {options.output: lock_of(tuple(options.extra))}
    else:
        locks = {LOCK: lock_of(EXTRAS), ENCODER_LOCK: lock_of_encoder()}
    for path, text in locks.items():
        path.write_text(text, encoding="utf-8")
        print(f"{path}: {len(pinned(text))} packages, {len(DIGEST.findall(text))} digests")


if __name__ == "__main__":
    main()
