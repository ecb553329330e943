"""Blocks the network in every Python process whose PYTHONPATH holds this folder: kernels, commands, their children.

pytest-socket guards the process of the tests only.
"""

import socket

LOCAL = ("127.0.0.1", "localhost", "::1", "0.0.0.0", "")


def guarded(function, host_of):
    """The socket function, refusing every host but this machine."""

    def call(*arguments, **options):
        host = host_of(arguments)
        if isinstance(host, (str, bytes)) and (host.decode() if isinstance(host, bytes) else host) not in LOCAL:
            raise OSError(f"tests run without network: something wanted to reach {host}")
        return function(*arguments, **options)

    return call


def host_of_address(arguments):
    """The host a socket is to connect to; None for sockets that are files."""
    address = arguments[1]
    return address[0] if isinstance(address, tuple) else None


socket.socket.connect = guarded(socket.socket.connect, host_of_address)
socket.socket.connect_ex = guarded(socket.socket.connect_ex, host_of_address)
socket.getaddrinfo = guarded(socket.getaddrinfo, lambda arguments: arguments[0])
