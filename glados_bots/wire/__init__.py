"""The adapters' end of the OpenAI-compatible API.

Any server that speaks chat completions can stand at the other end.
"""
