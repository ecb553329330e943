"""A Dataverse and a mirror on 127.0.0.1 that can be told to misbehave.

It answers what `dermxai_helpers.fetch` asks: the list of a data set's files (with ids, sizes and MD5 checksums), a
file by its id, and a folder of plain files. As Harvard's does, it sends the reader of a file on to another address,
knows byte ranges, keeps tables as tab-separated text whose stated checksum fits nothing, and turns away requests that
bear the default name of Python's requests.
"""

import hashlib
import json
import re
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

LISTING = "listing"  # the name by which faults of the list of files are ordered


@dataclass
class Served:
    """One answer: which file was asked for, from which byte, and what was sent."""

    name: str
    range: str
    status: int
    bytes_sent: int = 0


class Repository(ThreadingHTTPServer):
    """The server.

    files : name -> content; a name ending in .csv is listed as an ingested table
    mirror : name -> content, below /mirror/
    served : the answers given so far, lists and redirections left out
    """

    daemon_threads = True

    def __init__(self, files: dict[str, bytes], mirror: dict[str, bytes] | None = None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.mirror = dict(files), dict(mirror or {})
        self.served: list[Served] = []
        self.stalled, self.released = threading.Event(), threading.Event()
        self._faults: dict[str, deque[str]] = {}
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def misbehave(self, name: str, *faults: str) -> None:
        """The next answers about a file (or LISTING) show these faults, one each; then all is well again.

        drop: reset the connection half-way          short: right length stated, half the body sent
        short length: half the length, half the body  stall: half the body, then silence until `release`
        wrong bytes: right length, other content      no range: the whole file, whatever was asked
        a number: that status                         page: an HTML page with status 200
        """
        self._faults.setdefault(name, deque()).extend(faults)

    def next_fault(self, name: str) -> str:
        faults = self._faults.get(name)
        return faults.popleft() if faults else ""

    def answers(self, name: str) -> list[Served]:
        return [served for served in self.served if served.name == name]

    def stop(self) -> None:
        self.released.set()
        self.shutdown()
        self.server_close()

    def listing(self) -> bytes:
        """What GET /api/datasets/:persistentId answers, reduced to the fields of Dataverse 5 and 6 that matter."""
        entries = []
        for number, (name, content) in enumerate(self.files.items(), start=100):
            checksum = hashlib.md5(content).hexdigest()
            file = {"id": number, "filename": name, "filesize": len(content)}
            if name.endswith(".csv"):
                stem = name.removesuffix(".csv")
                file |= {"originalFileFormat": "text/csv", "originalFileSize": len(content), "originalFileName": stem}
                file |= {"filename": f"{stem}.tab", "filesize": len(content) + 7, "tabularData": True}
                checksum = hashlib.md5(b"neither form").hexdigest()
            file |= {"md5": checksum, "checksum": {"type": "MD5", "value": checksum}}
            entries.append({"label": file["filename"], "restricted": False, "dataFile": file})
        return json.dumps({"status": "OK", "data": {"latestVersion": {"files": entries}}}).encode()


def tab_form(table: bytes) -> bytes:
    """What Dataverse makes of an uploaded table: tabs, and another way of writing numbers."""
    return re.sub(rb"(?<=\t)(\d+)(?=\t)", rb"\1.0", table.replace(b",", b"\t"))


class Handler(BaseHTTPRequestHandler):
    """Answers one request of a Repository."""

    server: Repository

    def log_message(self, *_: object) -> None:
        """Tests read `served` instead."""

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        place, _, last = address.path.rpartition("/")
        query = parse_qs(address.query)
        if self.headers["User-Agent"].startswith("python-requests"):
            self.send_error(403)
        elif address.path.startswith("/api/datasets/:persistentId") and query["persistentId"][0].startswith("doi:"):
            self.send(LISTING, self.server.listing())
        elif place == "/api/access/datafile":
            self.send_response(303)
            self.send_header("Location", f"/storage/{last}?{address.query}")
            self.end_headers()
        elif place == "/storage":
            name = list(self.server.files)[int(last) - 100]
            content = self.server.files[name]
            if name.endswith(".csv") and query.get("format") != ["original"]:
                content = tab_form(content)
            self.send(name, content)
        elif place == "/mirror" and last in self.server.mirror:
            self.send(last, self.server.mirror[last])
        else:
            self.send_error(404)

    def send(self, name: str, content: bytes) -> None:
        """Send a file as asked, or as the next fault wants it."""
        fault = self.server.next_fault(name)
        served = Served(name, self.headers.get("Range", ""), 200)
        if name != LISTING:
            self.server.served.append(served)
        if fault.isdigit():
            served.status = int(fault)
            self.send_error(served.status)
            return
        if fault == "wrong bytes":
            content = content[:-1] + bytes([content[-1] ^ 1])
        if fault == "page":
            content = b"<html>We are down for maintenance.</html>"
        start = int(served.range.removeprefix("bytes=").removesuffix("-") or 0)
        if start >= len(content) and served.range:
            served.status = 416
            self.send_error(416)
            return
        if served.range and fault != "no range":
            served.status = 206
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            content = content[start:]
        else:
            self.send_response(200)
        half = fault in ("drop", "short", "short length", "stall")
        body = content[: len(content) // 2] if half else content
        self.send_header("Content-Length", str(len(body if fault == "short length" else content)))
        self.end_headers()
        self.wfile.write(body)
        served.bytes_sent = len(body)
        self.end_badly(fault)

    def end_badly(self, fault: str) -> None:
        """Keep silent, or reset the connection instead of closing it in order."""
        self.wfile.flush()
        if fault == "stall":
            self.server.stalled.set()
            self.server.released.wait(20)
        if fault == "drop":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
