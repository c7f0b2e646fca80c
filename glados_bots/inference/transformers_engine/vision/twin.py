"""A second model object with the same weights.

Continuous batching replaces the attention of a model, by a name in its config. The twin has a config of its own, so it
computes with the model's plain attention, at the same time and in another thread.
"""

import copy
from typing import Any


def twin_of(model: Any, *shared: Any) -> Any:
    """The twin of a loaded model. It takes no memory for weights. Call this before continuous batching begins.

    Args:
        model: of transformers.
        shared: other objects that must not be copied with it, such as what its hooks belong to.
    """
    kept: dict[int, Any] = {id(one): one for one in shared}
    for module in model.modules():
        if not hasattr(module, "config") and not any(True for _ in module.children()):
            kept[id(module)] = module  # a leaf: only modules with a config choose their attention
        for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
            kept[id(tensor)] = tensor
    return copy.deepcopy(model, kept)
