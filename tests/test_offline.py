"""The tests themselves: is the network really blocked, here and in what they start?"""

import os
import socket

import offline
import pytest
from pytest_socket import SocketConnectBlockedError

from dermxai_helpers.course.run import measured
from dermxai_helpers.course.units import CourseError

NO_HOST = "192.0.2.1"  # set aside for documentation: nobody answers there


def test_tests_cannot_reach_the_network():
    with pytest.raises(SocketConnectBlockedError):
        socket.create_connection((NO_HOST, 80), timeout=1)


@pytest.mark.parametrize("call", [f"create_connection(('{NO_HOST}', 80), 1)", "getaddrinfo('example.org', 80)"])
def test_processes_cannot_reach_the_network(call):
    done = offline.python("-c", f"import socket; socket.{call}")
    assert done.returncode == 1 and "tests run without network" in done.stderr


def test_kernels_cannot_reach_the_network(tmp_path):
    source = tmp_path / "source.py"
    source.write_text(f"# %%\nimport urllib.request\nurllib.request.urlopen('http://{NO_HOST}', timeout=1)\n")
    order = [source, tmp_path / "executed.ipynb", tmp_path / "failed.ipynb", {}, 30]
    with pytest.raises(CourseError, match="tests run without network"):
        measured(order, os.environ | {"PYTHONPATH": str(offline.GUARD)}, os.pipe()[0])
