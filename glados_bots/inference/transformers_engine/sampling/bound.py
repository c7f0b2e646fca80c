"""Rows whose answer has a form. A token is drawn as if there were none, and drawn again if the form does not allow it.

The second draw leaves out what the form forbids, from the tokens among which the first draw chose. So the chances are
those of one draw among the allowed tokens, and a mask over the whole vocabulary is made only where it is needed. If
none of these tokens is allowed, all allowed ones are looked at, by the request's settings.
"""

from collections.abc import Callable, Mapping

import torch

from glados_bots.inference.grammars.matcher import Matcher

Draw = Callable[[torch.Tensor, torch.Tensor], int]  # from scores and whether each token is allowed


def choose_allowed(
    matcher: Matcher, given: torch.Tensor, scores: torch.Tensor, draw: Draw, forbids: Callable[[int], bool]
) -> int:
    """The next token that the form allows. Where all of them are forbidden, the form wins.

    Args:
        matcher: the row's; it takes the token.
        given: the model's scores, shape (vocabulary,).
        scores: these after penalties, with -inf for forbidden tokens.
        draw: draws a token.
        forbids: whether a token completes a forbidden word.
    """
    allowed = torch.from_numpy(matcher.allowed()).to(scores.device)
    scores = scores.clone()
    while bool((scores[allowed] > -torch.inf).any()):
        token = draw(scores, allowed)
        if not forbids(token):
            break
        scores[token] = -torch.inf
    else:
        token = draw(given, allowed)
    matcher.take(token)
    return token


def masks(
    drawn: Mapping[int, tuple[Matcher, int]], fail: Callable[[int, Exception], object]
) -> dict[int, torch.Tensor]:
    """Let matchers take the drawn tokens. Returns what is allowed in each row whose token is not, shape (vocabulary,).

    Args:
        drawn: each row's matcher and token, by the row's place.
        fail: gets the place and the error of a row that cannot continue.
    """
    found: dict[int, torch.Tensor] = {}
    for place, (matcher, token) in drawn.items():
        try:
            if not matcher.take(token):
                found[place] = torch.from_numpy(matcher.allowed())
        except Exception as error:  # noqa: BLE001 - a failed request must not end the others
            fail(place, error)
    return found
