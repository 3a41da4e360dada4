"""A stand-in for a Hugging Face hub on loopback: what its client asks for, and real bytes.

It keeps repositories with commits, branches, private ones, and large files apart (LFS), and answers
as the hub does where a name, a revision or a token is wrong.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN = "hf_stand_in"
"""The token that may read and write all."""


@dataclass
class Repository:
    private: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    large: set[str] = field(default_factory=set)

    def commit(self, files: dict[str, bytes], branch: str = "main") -> str:
        """Make a commit of all files of the repository; its name."""
        said = json.dumps([len(self.commits), sorted((k, v.hex()) for k, v in files.items())])
        oid = hashlib.sha1(said.encode()).hexdigest()
        self.commits[oid] = files
        self.branches[branch] = oid
        return oid

    def resolved(self, revision: str) -> str | None:
        oid = self.branches.get(revision, revision)
        return oid if oid in self.commits else None


@dataclass
class Hub:
    url: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    damages: bool = False  # whether large files arrive with a byte changed


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: object) -> None:
        """Tests look at `Hub.asked`."""

    def answer(self, status: int, value: object = None, **headers: str) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def missing(self, status: int, code: str) -> None:
        self.answer(status, {"error": code}, X_Error_Code=code, X_Error_Message=code)

    @property
    def is_known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def repository(self, name: str) -> Repository | None:
        """A repository that whoever asks may read; otherwise the answer is given."""
        found = self.hub.repositories.get(name)
        if found is None or (found.private and not self.is_known):
            # The real hub does not tell strangers whether a private repository is there.
            self.missing(404 if self.is_known else 401, "RepoNotFound")
            return None
        return found

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def parts(self) -> list[str]:
        path = urlsplit(self.path).path
        self.hub.asked.append(f"{self.command} {path}")
        return [unquote(part) for part in path.strip("/").split("/")]

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        match self.parts():
            case ["api", "models", owner, name, *rest]:
                self.told(f"{owner}/{name}", rest)
            case [owner, name, "resolve", revision, *path]:
                self.file(f"{owner}/{name}", revision, "/".join(path))
            case _:
                self.answer(404, {"error": self.path})

    def told(self, name: str, rest: list[str]) -> None:
        """What is told of a repository or of its files."""
        repository = self.repository(name)
        if repository is None:
            return
        revision = rest[1] if len(rest) > 1 else "main"
        oid = repository.resolved(revision)
        if oid is None:
            self.missing(404, "RevisionNotFound")
        elif rest[:1] == ["tree"]:
            files = repository.commits[oid]
            self.answer(200, [entry(path, files[path], repository) for path in sorted(files)])
        else:
            files = [{"rfilename": path} for path in sorted(repository.commits[oid])]
            told = {"_id": "1", "id": name, "sha": oid, "private": repository.private}
            self.answer(200, {**told, "siblings": files, "tags": []})

    def file(self, name: str, revision: str, path: str) -> None:
        repository = self.repository(name)
        if repository is None:
            return
        oid = repository.resolved(revision)
        if oid is None:
            self.missing(404, "RevisionNotFound")
            return
        content = repository.commits[oid].get(path)
        if content is None:
            self.missing(404, "EntryNotFound")
            return
        told = entry(path, content, repository)
        etag = told["lfs"]["oid"] if "lfs" in told else told["oid"]
        if "lfs" in told and self.hub.damages:
            content = content[:-1] + bytes([content[-1] ^ 1])
        self.answer(200, content, ETag=f'"{etag}"', X_Repo_Commit=oid)

    def do_POST(self) -> None:
        parts, body = self.parts(), self.body()
        if parts == ["api", "validate-yaml"]:
            self.answer(200, {"errors": [], "warnings": []})
        elif not self.is_known:
            self.missing(401, "")
        else:
            match parts:
                case ["api", "repos", "create"]:
                    self.create(json.loads(body))
                case ["api", "models", owner, name, "preupload", _]:
                    self.choose(f"{owner}/{name}", json.loads(body))
                case ["api", "models", owner, name, "commit", branch]:
                    self.commit(f"{owner}/{name}", branch, body)
                case [_, _, "info", "lfs", "objects", "batch"]:
                    self.batch(json.loads(body))
                case _:
                    self.answer(404, {"error": self.path})

    def create(self, asked: dict) -> None:
        name = "/".join(filter(None, (asked.get("organization"), asked["name"])))
        url = f"{self.hub.url}/{name}"
        if name in self.hub.repositories:
            self.answer(409, {"url": url, "error": "You already created this model repo"})
            return
        private = asked.get("private") or asked.get("visibility") == "private"
        self.hub.repositories[name] = Repository(bool(private))
        self.hub.repositories[name].commit({".gitattributes": b"*.safetensors filter=lfs\n"})
        self.answer(200, {"url": url, "name": name})

    def choose(self, name: str, asked: dict) -> None:
        """Say which files are to be sent apart."""
        if self.repository(name) is not None:
            files = [
                {
                    "path": own["path"],
                    "uploadMode": "lfs" if own["path"].endswith(".safetensors") else "regular",
                    "shouldIgnore": False,
                }
                for own in asked["files"]
            ]
            self.answer(200, {"files": files})

    def batch(self, asked: dict) -> None:
        objects = [
            {
                "oid": own["oid"],
                "size": own["size"],
                "actions": {"upload": {"href": f"{self.hub.url}/objects/{own['oid']}"}},
            }
            for own in asked["objects"]
        ]
        self.answer(200, {"transfer": "basic", "objects": objects})

    def do_PUT(self) -> None:
        [_, oid], content = self.parts(), self.body()
        if hashlib.sha256(content).hexdigest() != oid:
            self.answer(400, {"error": "another digest"})
            return
        self.hub.objects[oid] = content
        self.answer(200, b"")

    def commit(self, name: str, branch: str, body: bytes) -> None:
        repository = self.repository(name)
        if repository is None:
            return
        if branch not in repository.branches:
            self.missing(404, "RevisionNotFound")
            return
        files = dict(repository.commits[repository.branches[branch]])
        for line in body.decode().splitlines():
            item = json.loads(line)
            value = item["value"]
            match item["key"]:
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    files[value["path"]] = self.hub.objects[value["oid"]]
                    repository.large.add(value["path"])
                case "deletedFile":
                    del files[value["path"]]
        oid = repository.commit(files, branch)
        url = f"{self.hub.url}/{name}/commit/{oid}"
        self.answer(200, {"success": True, "commitOid": oid, "commitUrl": url, "hookOutput": ""})


def entry(path: str, content: bytes, repository: Repository) -> dict:
    """What the tree of a repository says of a file."""
    oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    told = {"type": "file", "path": path, "size": len(content), "oid": oid}
    if path in repository.large:
        digest = hashlib.sha256(content).hexdigest()
        told["lfs"] = {"oid": digest, "size": len(content), "pointerSize": 130}
    return told


@contextmanager
def served() -> Iterator[Hub]:
    """A hub that answers on loopback until the end of the block."""
    hub = Hub()
    handler = type("OwnHandler", (Handler,), {"hub": hub})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
