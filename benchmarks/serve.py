"""How fast a server answers many clients, beside `Extractor.pipe` on the same texts.

    python benchmarks/serve.py                             # the model 'news', sentences of CoNLL04
    python benchmarks/serve.py --clients 64 --texts 2000 --turns 5 --json rates.json

Clients send one text each, over connections that stay open, and send the next one when they have
the answer.  The server is a process of its own (`dovetail serve`), as is the library; both compute
with the same number of threads, and are timed in turns, so that whatever else the machine does hits
them alike.  Every answer is compared with the library's.

Reported are texts per second and the server's share of the library's, medians over the turns; the
median and the 99th percentile of the time to an answer; answers that differ; and the memory of the
server after each turn.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
DATA = Path(os.environ.get("DOVETAIL_DATA", HERE.parents[1] / "shared" / "data"))
CORPUS = DATA / "conll04" / "conll04_train.json"

LIBRARY = """
import json, sys, time
from dovetail.threads import prepare_threads
prepare_threads()
from dovetail import Extractor

extractor = Extractor.load(sys.argv[1], threads=int(sys.argv[2]))
texts = json.loads(sys.stdin.readline())
extractor.extract(texts[:64])
for line in sys.stdin:
    started, computed = time.perf_counter(), time.process_time()
    found = [extraction.to_dict() for extraction in extractor.pipe(texts)]
    seconds, processor = time.perf_counter() - started, time.process_time() - computed
    print(json.dumps([seconds, processor, found]), flush=True)
"""
"""Answers all texts whenever it is sent a line."""


class Turn(NamedTuple):
    """One turn of the clients."""

    seconds: float
    latencies: list[float]
    documents: list[dict[str, Any]]


class Server:
    """`dovetail serve` on a free port."""

    def __init__(self, model: str, threads: int) -> None:
        command = [sys.executable, "-m", "dovetail", "serve", model, "--port", "0"]
        command += ["--threads", str(threads)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        lines = iter(self.process.stderr.readline, "")
        ports = (re.search(r"serving .*:(\d+)$", line.strip()) for line in lines)
        found = next(filter(None, ports), None)
        if found is None:
            raise SystemExit("the server did not start")
        self.port = int(found[1])

    @property
    def processor_seconds(self) -> float:
        """What it has computed so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

    @property
    def megabytes(self) -> float:
        """Its memory now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024

    def stop(self) -> int:
        """End it as a service manager does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


async def turn_of_clients(port: int, texts: Sequence[str], clients: int) -> Turn:
    """All texts, by so many clients at once."""
    waiting = list(enumerate(texts))[::-1]
    latencies = [0.0] * len(texts)
    bodies: list[bytes] = [b""] * len(texts)

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while waiting:
            index, text = waiting.pop()
            started = time.perf_counter()
            bodies[index] = await exchange(reader, writer, text)
            latencies[index] = time.perf_counter() - started
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    seconds = time.perf_counter() - started
    return Turn(seconds, latencies, [json.loads(body)["documents"][0] for body in bodies])


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: str) -> bytes:
    """One request, and the body of its answer."""
    body = json.dumps({"texts": text}).encode()
    writer.write(
        b"POST /v1/extract HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body) + body
    )
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(head.decode())
    length = re.search(rb"content-length: (\d+)", head)
    assert length is not None
    return await reader.readexactly(int(length[1]))


def texts_of(corpus: Path, count: int) -> list[str]:
    """The texts of a corpus, again from its start if there are too few."""
    from dovetail import read_corpus

    texts = [document.text for document in read_corpus(corpus).documents]
    return [texts[index % len(texts)] for index in range(count)]


def differing(documents: Sequence[Any], expected: Sequence[Any]) -> tuple[int, int, float]:
    """How many answers differ from the library's, in more than a confidence, and by how much."""
    number = re.compile(r'"confidence": ([\d.]+)')
    texts = [
        (json.dumps(one), json.dumps(other))
        for one, other in zip(documents, expected, strict=True)
        if one != other
    ]
    in_more, largest = 0, 0.0
    for one, other in texts:
        if number.sub("", one) != number.sub("", other):
            in_more += 1
            continue
        values = zip(number.findall(one), number.findall(other), strict=True)
        largest = max([largest, *(abs(float(a) - float(b)) for a, b in values)])
    return len(texts), in_more, largest


class Library:
    """`Extractor.pipe` in a process of its own."""

    def __init__(self, model: str, threads: int, texts: Sequence[str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", LIBRARY, model, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._send(json.dumps(texts))

    def _send(self, line: str) -> None:
        assert self.process.stdin is not None
        print(line, file=self.process.stdin, flush=True)

    def turn(self) -> tuple[float, float, list[Any]]:
        """Seconds, seconds of the processor, and the documents."""
        self._send("")
        assert self.process.stdout is not None
        seconds, processor, documents = json.loads(self.process.stdout.readline())
        return seconds, processor, documents

    def stop(self) -> None:
        """End it."""
        self.process.communicate()


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Time both in turns."""
    texts = texts_of(options.corpus, options.texts)
    library = Library(options.model, options.threads, texts)
    server = Server(options.model, options.threads)
    try:
        asyncio.run(turn_of_clients(server.port, texts[:256], options.clients))
        measured = in_turns(library, server, texts, options)
    finally:
        library.stop()
        exit_code = server.stop()
    return measured | {"exit_code": exit_code}


def in_turns(
    library: Library, server: Server, texts: Sequence[str], options: argparse.Namespace
) -> dict[str, Any]:
    """The measurements."""
    shares, of_processor, rates, latencies = [], [], [], []
    memory = [server.megabytes]
    different = in_more = 0
    largest = 0.0
    for _ in range(options.turns):
        seconds, processor, expected = library.turn()
        before = server.processor_seconds
        turn = asyncio.run(turn_of_clients(server.port, texts, options.clients))
        shares.append(seconds / turn.seconds)
        of_processor.append(processor / (server.processor_seconds - before))
        rates.append((len(texts) / seconds, len(texts) / turn.seconds))
        latencies += turn.latencies
        memory.append(server.megabytes)
        some, more, most = differing(turn.documents, expected)
        different, in_more = different + some, in_more + more
        largest = max(largest, most)
        print(f"turn: {shares[-1]:.2f} of the library", file=sys.stderr, flush=True)
    percentiles = statistics.quantiles(latencies, n=100)
    return {
        "model": options.model,
        "threads": options.threads,
        "clients": options.clients,
        "texts": len(texts),
        "turns": options.turns,
        "load_average": os.getloadavg()[0],
        "library_texts_per_second": statistics.median(rate for rate, _ in rates),
        "server_texts_per_second": statistics.median(rate for _, rate in rates),
        "share_of_library": statistics.median(shares),
        "shares": shares,
        "shares_by_processor_time": of_processor,
        "p50_ms": 1000 * percentiles[49],
        "p99_ms": 1000 * percentiles[98],
        "answers": options.turns * len(texts),
        "answers_that_differ": different,
        "in_more_than_a_confidence": in_more,
        "largest_difference_of_confidences": largest,
        "memory_mb": memory,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="news", help="a model folder or a shipped model")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="a corpus with texts")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--texts", type=int, default=2000, help="requests of a turn")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="of the computation, in both")
    parser.add_argument("--json", type=Path, help="write the measurements to this file too")
    options = parser.parse_args()
    measured = measure(options)
    for name, value in measured.items():
        shown = [round(own, 2) for own in value] if isinstance(value, list) else value
        print(f"{name:28} {round(shown, 3) if isinstance(shown, float) else shown}")
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
