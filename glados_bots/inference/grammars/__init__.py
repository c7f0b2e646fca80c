"""The form of an answer, kept token by token: Lark sources for llguidance, compiled once and matched per request.

`sources.py` makes one Lark source of everything that a request can ask for. `compiler.py` compiles it for a model, with
the model's reasoning before the answer. A `Matcher` follows one answer and says which tokens may come next.
"""
