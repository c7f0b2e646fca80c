"""The heart: claim a turn, answer it, finish it. Every accepted question gets exactly one final answer."""
