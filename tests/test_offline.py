"""The tests themselves: is the network really blocked, here and in what they start?"""

import socket

import nbformat
import offline
import pytest
from pytest_socket import SocketConnectBlockedError

from dermxai_helpers.course import execution

NO_HOST = "192.0.2.1"  # set aside for documentation: nobody answers there


def test_tests_cannot_reach_the_network():
    with pytest.raises(SocketConnectBlockedError):
        socket.create_connection((NO_HOST, 80), timeout=1)


@pytest.mark.parametrize("call", [f"create_connection(('{NO_HOST}', 80), 1)", "getaddrinfo('example.org', 80)"])
def test_processes_cannot_reach_the_network(call):
    done = offline.python("-c", f"import socket; socket.{call}")
    assert done.returncode == 1 and "tests run without network" in done.stderr


def test_kernels_cannot_reach_the_network(tmp_path):
    code = f"import urllib.request\nurllib.request.urlopen('http://{NO_HOST}', timeout=1)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)], metadata=execution.KERNEL)
    guard = {"PYTHONPATH": str(offline.GUARD)}
    with pytest.raises(execution.NotebookFailed, match="tests run without network"):
        execution.execute(notebook, {}, tmp_path / "failed.ipynb", cell_seconds=30, environment=guard)
