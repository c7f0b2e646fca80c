"""The progress bars of transformers, drawn as ours: see processes/bars.py."""

from transformers import modeling_gguf_pytorch_utils
from transformers.utils import logging

from glados_bots.processes.bars import bar


def take_over() -> None:
    """Draw the bars of loading as ours, and that of reading a GGUF file, for which transformers has no hook."""
    logging.set_tqdm_hook(lambda _, given, options: bar()(*given, **options))
    modeling_gguf_pytorch_utils.tqdm = bar()
