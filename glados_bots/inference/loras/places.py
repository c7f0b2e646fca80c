"""Where a LoRA that is loaded at run time may be: below one folder, or on the hub. Its path comes from a request."""

from pathlib import Path

from glados_bots.errors import LoraRefusedError
from glados_bots.inference.model_files.folder_checks import ADAPTER_CONFIG
from glados_bots.inference.model_files.hub import loras
from glados_bots.inference.model_files.loras import HUB_ID

LONGEST_PATH = 1_000  # characters
LONGEST_SHOWN = 100


def folder_of(path: str, root: Path, token: str | None) -> Path:
    """The folder of a LoRA. Blocks, and fetches one of the hub.

    Args:
        path: a folder below `root`, relative or absolute, or ORG/NAME on the hub. A folder wins.
        root: the folder of all LoRAs that may be loaded.
        token: for the hub.

    Raises:
        LoraRefusedError: the path leads elsewhere, or there is no LoRA.
        ConfigError: the hub has no such LoRA, or does not answer.
    """
    shown = repr(path[:LONGEST_SHOWN])
    if len(path) > LONGEST_PATH or not path.isprintable():
        raise LoraRefusedError(f"lora_path {shown}: not a path; give a folder below GLADOS_LORAS_DIR, or a hub id")
    home = root.expanduser().resolve()
    try:
        folder = (home / path).resolve()
        found = folder.is_relative_to(home) and folder != home and folder.is_dir()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, or a name that is too long
        raise LoraRefusedError(f"lora_path {shown}: cannot be read; give another folder") from error
    if found and (folder / ADAPTER_CONFIG).is_file():
        return folder
    if not found and not folder.is_relative_to(home):
        raise LoraRefusedError(
            f"lora_path {shown}: leads out of the folder of LoRAs; move the LoRA below it, or set GLADOS_LORAS_DIR"
        )
    if not found and HUB_ID.fullmatch(path) and ".." not in path:
        return loras.fetch(path, token)
    raise LoraRefusedError(
        f"No adapter found for {shown}: no such LoRA below the folder of LoRAs, GLADOS_LORAS_DIR; correct lora_path",
        "lora_not_found",
    )


def shown(folder: Path, root: Path, path: str) -> str:
    """What everybody may read about where a LoRA is from: its path below the root, or its hub id."""
    home = root.expanduser().resolve()
    return folder.relative_to(home).as_posix() if folder.is_relative_to(home) else path
