"""The heart. Three verbs: claim a turn, answer it, finish it.

Every accepted question gets exactly one final answer, in its own thread, in order.
"""
