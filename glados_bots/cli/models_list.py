"""`glados models list`: which model this machine gets, then a row for each card."""

from collections.abc import Iterator

from glados_bots.cli import terminal
from glados_bots.errors import ConfigError
from glados_bots.inference.engine import WITHOUT_CARD
from glados_bots.inference.model_files import cards, choosing, support
from glados_bots.inference.model_files.auto.fitting import verdict
from glados_bots.inference.model_files.hardware import this_machine
from glados_bots.inference.model_files.presence import presence
from glados_bots.inference.settings import ServeSettings

WIDE = 130  # columns of a terminal that has room for what a card says of its model
CANNOT_BE_SERVED = "no: not by this engine"


def show(settings: ServeSettings) -> None:
    """Print the choice, the table, and what is in the way of some cards."""
    for line in _choice(settings):
        terminal.echo(line)
    found = sorted(cards.load_cards().values(), key=lambda card: card.shape.parameters if card.shape else 0)
    here = {card.name: presence(card).reason for card in found}
    refused = {card.name: reason for card in found if (reason := _refusal(card, settings.engine))}
    is_wide, machine = terminal.console().width >= WIDE, this_machine(settings.engine)
    rows = []
    for card in found:
        name = f"{card.name} (deprecated)" if card.deprecated else card.name
        fits = CANNOT_BE_SERVED if card.name in refused else verdict(card, machine).reason
        more = (card.parameters, card.licence, card.good_at) if is_wide else (card.licence,)
        rows.append((name, here[card.name].partition(",")[0], fits, *more))
    titles = ("Parameters", "Licence", "Good at") if is_wide else ("Licence",)
    terminal.show_table(["Model", "Here?", "Fits?", *titles], rows)
    for line in (*_shared({name: reason for name, reason in here.items() if "," in reason}), *_shared(refused)):
        terminal.echo(line)


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
