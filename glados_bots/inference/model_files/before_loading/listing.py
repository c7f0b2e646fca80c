"""The files of a repository on the hub, by one question that fetches none of them."""

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from glados_bots.inference.model_files.cards import Card
from glados_bots.inference.model_files.download import PROBE_S


def sizes_on_hub(card: Card, token: str | None) -> dict[str, int]:
    """Name -> bytes of each file of the card's base; empty if the hub does not answer."""
    try:
        info = HfApi().model_info(
            str(card.base.hub), revision=card.base.revision, token=token, files_metadata=True, timeout=PROBE_S
        )
    except (HfHubHTTPError, OSError):
        return {}
    return {file.rfilename: file.size or 0 for file in info.siblings or ()}
