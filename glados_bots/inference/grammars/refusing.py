"""The error for a form that is not kept."""

from glados_bots.errors import ParameterRefusedError

LONGEST_PLACE = 200  # characters of a place that an error names


def below(place: str, *names: str | int) -> str:
    """The place of a part. It keeps no more of a long one than an error names, so that all places stay short."""
    return ".".join(map(str, (place, *names)))[-LONGEST_PLACE - 1 :]


def refused(place: str, reason: str) -> ParameterRefusedError:
    """The error. Args: place: the field of the request, and the path in it; reason: what is wrong, and the remedy."""
    place = place.encode(errors="backslashreplace").decode()  # half a surrogate pair is no text
    return ParameterRefusedError(place if len(place) <= LONGEST_PLACE else f"…{place[-LONGEST_PLACE:]}", reason)
