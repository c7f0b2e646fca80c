"""Aider changes a file as the model says."""

from client import aider, repository
from doing import do


def change():
    folder = repository()
    done = aider(folder, "--edit-format", "whole", "--message", "Say goodbye instead.", "hello.py")
    assert (folder / "hello.py").read_text() == 'print("goodbye")\n', done.stdout[-800:]


do(change)
