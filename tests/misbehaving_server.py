"""A Dataverse on 127.0.0.1 that can be told to misbehave: it gives files by number, and knows byte ranges.

As Harvard's does, it sends the reader of a file on to another address, keeps tables as tab-separated text unless asked
for the original, and turns away requests that bear the default name of Python's requests.
"""

import socket
import struct
import threading
from collections import defaultdict, deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Served:
    """One answer: which file was asked for, from which byte, and what was sent."""

    name: str
    range: str
    status: int
    bytes_sent: int = 0


class Repository(ThreadingHTTPServer):
    """The server; files : number -> (name, content); served : the answers so far, redirections left out."""

    daemon_threads = True

    def __init__(self, files: dict[str, tuple[str, bytes]]):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.served: list[Served] = []
        self.stalled, self.released = threading.Event(), threading.Event()
        self.faults: dict[str, deque[str]] = defaultdict(deque)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/api/access/datafile/"

    def misbehave(self, name: str, *faults: str) -> None:
        """The next answers about a file show these faults, one each; then all is well again.

        drop: reset the connection half-way          short: right length stated, half the body sent
        wrong bytes: right length, other content     stall: half the body, then silence until `stop`
        no range: the whole file, whatever was asked a number: that status
        odd length: a length that is no number
        """
        self.faults[name].extend(faults)

    def answers(self, name: str) -> list[Served]:
        return [served for served in self.served if served.name == name]

    def stop(self) -> None:
        self.released.set()
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """Answers one request of a Repository."""

    server: Repository

    def log_message(self, *_: object) -> None:
        """Tests read `served` instead."""

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        place, _, number = address.path.rpartition("/")
        if self.headers["User-Agent"].startswith("python-requests"):
            self.send_error(403)
        elif place == "/api/access/datafile":
            self.send_response(303)
            self.send_header("Location", f"/storage/{number}?{address.query}")
            self.end_headers()
        else:
            name, content = self.server.files[number]
            if name.endswith(".csv") and address.query != "format=original":
                content = content.replace(b",", b"\t")
            self.send(name, content)

    def send(self, name: str, content: bytes) -> None:
        """Send a file as asked, or as the next fault wants it."""
        faults = self.server.faults[name]
        fault = faults.popleft() if faults else ""
        served = Served(name, self.headers.get("Range", ""), 206)
        self.server.served.append(served)
        start = int(served.range.removeprefix("bytes=").removesuffix("-") or 0)
        if fault.isdigit() or start >= len(content):
            served.status = int(fault or 416)
            self.send_error(served.status)
            return
        if fault == "wrong bytes":
            content = content[:-1] + bytes([content[-1] ^ 1])
        if fault == "no range":
            served.status = 200
        else:
            content = content[start:]
        self.send_response(served.status)
        self.send_header("Content-Length", "many" if fault == "odd length" else str(len(content)))
        self.end_headers()
        body = content[: len(content) // 2] if fault in ("drop", "short", "stall") else content
        self.wfile.write(body)
        self.wfile.flush()
        served.bytes_sent = len(body)
        if fault == "stall":
            self.server.stalled.set()
            self.server.released.wait(20)
        if fault == "drop":  # reset the connection instead of closing it in order
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
