"""How many threads help? For little models, one: two would spend their time waiting for each other."""

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

SMALL_MODEL = 50_000_000  # weights


@contextlib.contextmanager
def threads_that_pay(model: nn.Module) -> Iterator[None]:
    """One thread for a small model on a CPU.

    Its work for one word is so little that two threads spend their time waiting for each other: on two busy cores the
    demo captioner took fifteen times as long with two threads as with one.
    """
    threads = torch.get_num_threads()
    small = model.device.type == "cpu" and model.num_parameters() < SMALL_MODEL
    torch.set_num_threads(1 if small else threads)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
