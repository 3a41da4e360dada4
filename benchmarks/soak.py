"""A server at full load whose workers are killed at random: is a request lost, or an answer wrong?

    python benchmarks/soak.py                              # an hour of the model 'news'
    python benchmarks/soak.py --minutes 10 --workers 3 --clients 48 --kill-every 15 --json soak.json

Clients send one text each over connections that stay open, and the next one when they have the
answer; after some they connect anew, or all would stay with workers that live long.  Every answer
has to be one that the library gives to the text, alone or among others: in bfloat16 its neighbours
in a batch may decide where two readings are equally likely, and whether a relation is taken whose
probability is its threshold.  Whenever all workers are ready some get SIGKILL at a random moment,
but never the oldest, whose memory is watched.

A request is *lost* if its connection ends without a byte of an answer, *cut* if it ends within one.
Told is who gets 503 and `Retry-After`: the request is sent again.  Exits with 1 if one is lost or
never answered, an answer wrong, memory grows, or the server does not end as it should.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dovetail import Extractor

HERE = Path(__file__).parent
DATA = Path(os.environ.get("DOVETAIL_DATA", HERE.parents[1] / "shared" / "data"))
CORPUS = DATA / "conll04" / "conll04_train.json"

CONFIDENCE = 0.02
"""Difference of a confidence that counts as wrong: more than rounding in bfloat16 makes."""

GROWTH = 1.05
"""The most memory in the second half of the time, as a multiple of the most in the first: what
batches need at a moment comes and goes, by a tenth of all."""

RECONNECT = 0.1
"""How often a client connects anew, of all requests."""

PATIENCE = 180
"""Seconds for anything, on a machine that does much else."""


@dataclass
class Outcome:
    """What became of the requests, and of the server."""

    seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    wrong_texts: list[int] = field(default_factory=list)
    on_the_verge: list[int] = field(default_factory=list)
    """Texts in which the library itself finds other entities alone than among others."""
    unanswered: int = 0
    """Texts that had no answer at the end, whatever was tried."""
    kills: int = 0
    memory_of_oldest_mb: list[float] = field(default_factory=list)
    memory_of_parent_mb: list[float] = field(default_factory=list)
    handles_of_parent: list[int] = field(default_factory=list)
    exit_code: int | None = None

    def faults(self) -> list[str]:
        """What should not have been, a line each."""
        found = [
            f"{self.counts[kind]} requests: {kind}"
            for kind in ("lost", "wrong", "other status")
            if kind in self.counts
        ]
        found += [f"{self.unanswered} texts never answered"] * bool(self.unanswered)
        for name in ("memory_of_oldest_mb", "memory_of_parent_mb"):
            values: list[float] = getattr(self, name)
            half = len(values) // 2
            if half and max(values[half:]) > GROWTH * max(values[:half]):
                found.append(
                    f"{name} grew from {max(values[:half]):.0f} to {max(values[half:]):.0f}"
                )
        return found + [f"exit code {self.exit_code}"] * (self.exit_code != 0)


class Server:
    """`dovetail serve` with workers, on a free port."""

    def __init__(self, model: str, workers: int) -> None:
        command = [sys.executable, "-m", "dovetail", "serve", model, "--port", "0"]
        command += ["--workers", str(workers), "--threads", "1"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.said: list[str] = []
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()
        self._wait_for(workers)
        self.port = int(re.search(r":(\d+)$", self.said[0].strip())[1])  # type: ignore[index]

    def _listen(self) -> None:
        assert self.process.stderr is not None
        self.said.extend(iter(self.process.stderr.readline, ""))

    def _wait_for(self, workers: int) -> None:
        end = time.monotonic() + PATIENCE
        while self.num_ready < workers:
            if time.monotonic() > end or self.process.poll() is not None:
                self.process.terminate()
                raise SystemExit(f"the server did not start: {self.said}")
            time.sleep(0.05)

    @property
    def num_ready(self) -> int:
        """Workers that have been ready so far, those that were killed included."""
        return sum("is ready" in line for line in self.said)

    def workers(self) -> list[int]:
        """The process numbers of the workers, the oldest one first."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
        return [int(own) for own in children if "spawn_main" in _command(own)]

    def end(self) -> int:
        """Its exit code after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=PATIENCE)
        self._listening.join(PATIENCE)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code


def _command(pid: str) -> str:
    file = Path(f"/proc/{pid}/cmdline")
    return file.read_text("utf-8") if file.exists() else ""


def megabytes(pid: int) -> float:
    """Memory of a process now."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024


class Soak:
    """Clients, kills and measurements for some seconds."""

    def __init__(self, server: Server, library: Library) -> None:
        self.server = server
        self.outcome = Outcome(on_the_verge=library.on_the_verge())
        self._library = library
        self._is_over = False

    async def run(self, seconds: float, clients: int, kill_every: float, seed: int) -> None:
        """Let clients ask, and kill workers, until time is up."""
        started = time.monotonic()
        chance, ready = random.Random(seed), self.server.num_ready
        asking = [asyncio.create_task(self._client(random.Random(own))) for own in range(clients)]
        watching = asyncio.create_task(self._watch(seconds / 40))
        while time.monotonic() - started < seconds:
            left = seconds - (time.monotonic() - started)
            await asyncio.sleep(min(chance.expovariate(1 / kill_every), left))
            if (
                self.server.num_ready >= ready + self.outcome.kills
                and time.monotonic() - started < seconds
            ):
                _, *others = self.server.workers()
                for pid in chance.sample(others, chance.randint(1, len(others))):
                    os.kill(pid, signal.SIGKILL)
                    self.outcome.kills += 1
        self._is_over = True
        await asyncio.gather(*asking)
        self.outcome.seconds = time.monotonic() - started
        watching.cancel()
        self._measure()

    async def _watch(self, every: float) -> None:
        while True:
            self._measure()
            await asyncio.sleep(every)

    def _measure(self) -> None:
        parent = self.server.process.pid
        self.outcome.memory_of_oldest_mb.append(megabytes(self.server.workers()[0]))
        self.outcome.memory_of_parent_mb.append(megabytes(parent))
        self.outcome.handles_of_parent.append(len(os.listdir(f"/proc/{parent}/fd")))

    async def _client(self, chance: random.Random) -> None:
        """Ask for one text after another, each until it is answered."""
        client = Client(self.server.port)
        while not self._is_over:
            if chance.random() < RECONNECT:
                client.close()
            index = chance.randrange(len(self._library.texts))
            end = time.monotonic() + PATIENCE
            while not await self._is_answered(client, index):
                if time.monotonic() > end:
                    self.outcome.unanswered += 1
                    break
        client.close()

    async def _is_answered(self, client: Client, index: int) -> bool:
        """Send a text once."""
        kind, document = await client.ask(self._library.texts[index])
        if kind == "answered" and not self._library.may_answer(index, document):
            kind = "wrong"
            self.outcome.wrong_texts.append(index)
        self.outcome.counts[kind] = self.outcome.counts.get(kind, 0) + 1
        if kind not in ("answered", "wrong"):
            await asyncio.sleep(0.1)
        return kind in ("answered", "wrong")


class Client:
    """One connection, opened again when it has ended."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, text: str) -> tuple[str, Any]:
        """What becomes of a request, and the document if it is answered."""
        body = json.dumps({"texts": text}).encode()
        head = b"POST /v1/extract HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        try:
            if self._streams is None or self._streams[0].at_eof():
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            reader, writer = self._streams
        except OSError:
            return "not connected", None
        try:
            writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            first = await reader.read(1)
        except OSError:
            first = b""
        if not first:
            self.close()
            return "lost", None
        return await self._answer(first, reader)

    async def _answer(self, first: bytes, reader: asyncio.StreamReader) -> tuple[str, Any]:
        try:
            head = first + await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            body = await reader.readexactly(int(length[1]) if length else 0)
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            return "cut", None
        if b"connection: close" in head.lower():
            self.close()
        if head.startswith(b"HTTP/1.1 200"):
            return "answered", json.loads(body)["documents"][0]
        is_told = head.startswith((b"HTTP/1.1 503", b"HTTP/1.1 429")) and b"retry-after" in head
        return "told" if is_told else "other status", None

    def close(self) -> None:
        """End the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def is_same(found: Any, expected: Any) -> bool:
    """Whether two documents are the same but for the last places of confidences."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return found.keys() == expected.keys() and all(
            abs(found[key] - own) <= CONFIDENCE if key == "confidence" else is_same(found[key], own)
            for key, own in expected.items()
        )
    if isinstance(expected, list) and isinstance(found, list):
        return len(found) == len(expected) and all(map(is_same, found, expected))
    return bool(found == expected)


class Library:
    """What `Extractor` finds in some texts, each among the others and alone."""

    def __init__(self, extractor: Extractor, texts: Sequence[str]) -> None:
        self.texts = texts
        self._thresholds = extractor.thresholds
        lower = extractor.down_to(max(0.0, min(self._thresholds.values()) - CONFIDENCE))
        alone = (own for text in texts for own in lower.extract([text]))
        self._found = [
            [json.loads(json.dumps(own.to_dict())) for own in both]
            for both in zip(lower.pipe(texts), alone, strict=True)
        ]

    def may_answer(self, index: int, document: Any) -> bool:
        """Whether a document, as a server writes it, is what the library finds in a text."""
        return any(self._agrees(document, own) for own in self._found[index])

    def on_the_verge(self) -> list[int]:
        """The texts in which it finds other entities alone than among others."""
        return [
            index
            for index, (among, alone) in enumerate(self._found)
            if not is_same(among["entities"], alone["entities"])
        ]

    def _agrees(self, document: Any, found: Any) -> bool:
        """Relations may be there or not whose probabilities are their thresholds, or nearly."""
        answered, relations = _by_link(document), _by_link(found)
        sure = {
            link
            for link, confidence in relations.items()
            if confidence >= self._thresholds[link[2]] + CONFIDENCE
        }
        return (
            is_same({**document, "relations": []}, {**found, "relations": []})
            and sure <= answered.keys() <= relations.keys()
            and all(abs(own - relations[link]) <= CONFIDENCE for link, own in answered.items())
        )


def _by_link(document: Any) -> dict[tuple[int, int, str], float]:
    """The confidence of each relation of a document, by its arguments and type."""
    return {
        (own["head"], own["tail"], own["type"]): own["confidence"] for own in document["relations"]
    }


def soak(model: str, texts: Sequence[str], options: argparse.Namespace) -> Outcome:
    """Start a server, soak it, and end it."""
    from dovetail import Extractor
    from dovetail.threads import prepare_threads

    prepare_threads()
    library = Library(Extractor.load(model, threads=1), texts)
    server = Server(model, options.workers)
    own = Soak(server, library)
    try:
        seconds = 60 * options.minutes
        asyncio.run(own.run(seconds, options.clients, options.kill_every, options.seed))
    finally:
        own.outcome.exit_code = server.end()
    return own.outcome


def main() -> int:
    """Soak and print; 1 if something was not as it should be."""
    from dovetail import read_corpus

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="news", help="a model folder or a shipped model")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="a corpus with texts")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=2, help="all but one of them are killed")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--kill-every", type=float, default=20.0, help="seconds, on average")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the outcome to this file too")
    options = parser.parse_args()
    texts = [document.text for document in read_corpus(options.corpus).documents]
    outcome = soak(options.model, texts, options)
    for name, value in asdict(outcome).items():
        print(f"{name:22} {[round(own) for own in value] if isinstance(value, list) else value}")
    if options.json:
        options.json.write_text(json.dumps(asdict(outcome), indent=1) + "\n", encoding="utf-8")
    faults = outcome.faults()
    print("\n".join(faults) or "nothing was lost or wrong")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
