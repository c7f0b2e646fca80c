"""What a shell may complete beside commands and options. Quick, and silent where something cannot be read."""

from glados_bots.errors import GladosError
from glados_bots.inference.model_files.cards import models_folder, own_folder
from glados_bots.platforms import installed


def models(incomplete: str) -> list[str]:
    """Names of model cards; none of the cards is read."""
    try:
        folders = {models_folder(), own_folder()}
    except GladosError:  # a setting is wrong: the command itself will say which
        folders = {models_folder()}
    names = {path.parent.name for folder in folders for path in folder.glob("*/model.toml")}
    return sorted(name for name in names if name.startswith(incomplete))


def platforms(incomplete: str) -> list[str]:
    return [name for name in installed() if name.startswith(incomplete)]


def roles(incomplete: str) -> list[str]:
    return [name for name in ("serve", *installed()) if name.startswith(incomplete)]
