"""The heart of the core. It claims a turn, answers it and finishes it.

Every accepted question gets exactly one final answer, in its own thread, in order.
"""
