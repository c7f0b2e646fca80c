"""Fifty answers at once within Discord's real limits, by the real adapter: nobody is refused, the end goes first."""

import pytest

from tests.soak.streams import many_streams


@pytest.mark.slow
async def test_fifty_streams_in_ten_channels_are_never_refused_and_ends_go_first(redis_url: str) -> None:
    outcome = await many_streams(redis_url, streams=50, channels=10, words=(30, 60), word_s=0.25)
    assert outcome.refused == ()
    assert len(outcome.streams) == 50
    for stream in outcome.streams:
        assert len(stream.shown) >= 3  # it grew before people's eyes
        assert outcome.overtaken(stream) <= 2  # what was on its way already, but nothing after that
