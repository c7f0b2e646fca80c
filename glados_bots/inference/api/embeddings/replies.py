"""Responses of the embeddings protocol, as bytes of JSON.

Source: the OpenAI API reference, "The embedding object".
"""

import base64
import json

import numpy as np

from glados_bots.inference.embeddings.embedder import Vectors
from glados_bots.wire.events import Finished


def response(model: str, vectors: Vectors, finished: Finished, *, base64_form: bool) -> bytes:
    """The whole body. Takes a second for thousands of vectors as numbers, so call it outside the event loop.

    Args:
        model: its name.
        vectors: float32 of (inputs, dimensions).
        finished: the end of the job, which counts its tokens.
        base64_form: each vector as base64 of its float32 values, the lowest byte first; else as numbers.
    """
    data = ",".join(_entry(index, _based(row) if base64_form else row.tolist()) for index, row in enumerate(vectors))
    usage = {"prompt_tokens": finished.prompt_tokens, "total_tokens": finished.prompt_tokens}
    head = json.dumps({"object": "list", "model": model, "usage": usage})
    return f'{head[:-1]}, "data": [{data}]}}'.encode()


def _entry(index: int, embedding: str | list[float]) -> str:
    return json.dumps({"object": "embedding", "index": index, "embedding": embedding})


def _based(row: Vectors) -> str:
    return base64.b64encode(np.ascontiguousarray(row, dtype="<f4").tobytes()).decode("ascii")
