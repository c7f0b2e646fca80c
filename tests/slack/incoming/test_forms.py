"""Forms within Slack's limits."""

import pytest

from glados_bots.store.channels import ChannelSettings
from glados_slack.incoming.forms import channel_form

MOST_OPTIONS = 100  # of a static select, by Slack's reference of block elements


@pytest.mark.parametrize("served", [0, 1, 98, 99, 100, 400])
@pytest.mark.parametrize("chosen", ["", "model 0", "model 399", "gone"])
def test_a_menu_of_models_fits_however_many_there_are(served: int, chosen: str) -> None:
    models = [f"model {number}" for number in range(served)]
    view = channel_form({"channel": "C1"}, ChannelSettings(model=chosen), models, "de")
    menu = view["blocks"][0]["element"]
    assert len(menu["options"]) <= MOST_OPTIONS
    assert menu["initial_option"] in menu["options"]
    assert menu["initial_option"]["value"] == (chosen or "default")
