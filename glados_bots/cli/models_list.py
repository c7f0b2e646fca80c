"""`glados models list`: which model this machine gets, then a row for each card."""

from collections.abc import Iterable, Iterator

from glados_bots.cli import terminal
from glados_bots.errors import ConfigError
from glados_bots.inference.engine import WITHOUT_CARD
from glados_bots.inference.model_files import cards, choosing, support
from glados_bots.inference.model_files.auto.fitting import verdict
from glados_bots.inference.model_files.hardware import this_machine
from glados_bots.inference.model_files.presence import presence
from glados_bots.inference.settings import ServeSettings

# Columns of a terminal -> the titles that it has room for, so that most cards take one line.
TITLES = {
    130: ("Parameters", "Licence", "Good at"),
    100: ("Licence",),
    0: (),
}
CANNOT_BE_SERVED = "no: not by this engine"


def show(settings: ServeSettings) -> None:
    """Print the choice, the table, and what is in the way of some cards."""
    for line in _choice(settings):
        terminal.echo(line)
    found = sorted(cards.load_cards().values(), key=lambda card: card.shape.parameters if card.shape else 0)
    here = {card.name: presence(card).reason for card in found}
    refused = {card.name: reason for card in found if (reason := _refusal(card, settings.engine))}
    machine, width = this_machine(settings.engine), terminal.console().width
    titles = next(titles for least, titles in TITLES.items() if width >= least)
    rows = []
    for card in found:
        name = f"{card.name} (deprecated)" if card.deprecated else card.name
        fits = CANNOT_BE_SERVED if card.name in refused else verdict(card, machine).reason
        about = {"Parameters": card.parameters, "Licence": card.licence, "Good at": card.good_at}
        rows.append((name, _short(here[card.name]), fits, *(about[title] for title in titles)))
    terminal.show_table(["Model", "Here?", "Fits?", *titles], rows)
    in_the_way = {name: reason for name, reason in here.items() if _short(reason) != reason}
    for line in (*_shared(in_the_way), *_shared(refused)):
        terminal.echo(line)
    _show_embeddings(titles)


def _show_embeddings(titles: Iterable[str]) -> None:
    """A table of the embedding models, with the same titles as the table of chat models."""
    found = cards.embedding_cards().values()
    here = {card.name: presence(card).reason for card in found}
    rows = []
    for card in found:
        about = {"Parameters": card.parameters, "Licence": card.licence, "Good at": card.good_at}
        rows.append((card.name, _short(here[card.name]), *(about[title] for title in titles)))
    terminal.show_table(["Embedding model", "Here?", *titles], rows)
    for line in _shared({name: reason for name, reason in here.items() if _short(reason) != reason}):
        terminal.echo(line)


def _short(reason: str) -> str:
    """Yes or no. The line below the table says the rest."""
    return "missing" if reason.startswith("missing") else reason.partition(",")[0]


def _choice(settings: ServeSettings) -> Iterator[str]:
    """What would be served, in lines. A wrong GLADOS_MODEL must not hide the list."""
    if settings.engine in WITHOUT_CARD:
        return
    try:
        yield from choosing.choose(settings).lines()
    except ConfigError as error:
        yield str(error)


def _refusal(card: cards.Card, engine: str) -> str:
    known = support.support_of(card) if engine == "transformers" else None
    return f"{known.reason}; {known.remedy}" if known and known.way is None else ""


def _shared(reasons: dict[str, str]) -> Iterator[str]:
    """A line for each reason, with the cards that share it."""
    for reason in dict.fromkeys(reasons.values()):
        yield f"{', '.join(name for name, other in reasons.items() if other == reason)}: {reason}"
