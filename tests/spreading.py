"""How the tests are spread over processes: which go together, which begin first, and which are slow.

pytest-xdist gives each worker the next test, or the next group of tests, when it has nothing more to do.
"""

import os
import re
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parents[1]
# Much of a run is waiting for other processes: three workers a core keep the cores busy. Each takes a gigabyte.
WORKERS_A_CORE, MOST_WORKERS = 3, 8
# What is slow: it needs a browser or torch, starts processes other than the store's, or takes over a second.
SLOW_FILES = (
    "tests/attachments/test_child_process.py",
    "tests/attachments/test_hostile.py",
    "tests/attachments/test_reading.py",
    "tests/deploy/test_compose.py",
    "tests/deploy/test_dockerfile.py",
    "tests/deploy/test_kubernetes.py",
    "tests/deploy/test_systemd.py",
    "tests/deploy/test_redis.py",
    "tests/discord/test_gaps.py",
    "tests/discord/test_gate.py",
    "tests/discord/test_processes.py",
    "tests/inference/transformers_engine/test_lora.py",
    "tests/inference/model_files/test_lora_import.py",
    "tests/inference/model_files/test_plan.py",
    "tests/inference/prompts/test_prompt_golden.py",
    "tests/inference/transformers_engine/sampling/test_sampler.py",
    "tests/markdown/test_parse_back.py",
    "tests/markdown/test_promises.py",
    "tests/markdown/test_render_tool.py",
    "tests/slack/connection/test_away.py",
    "tests/slack/connection/test_processes.py",
    "tests/cli/test_cli.py",
    "tests/store/test_cluster.py",
    "tests/test_make.py",
    "tests/turns/test_poison.py",
    "tests/operations/test_privacy.py",
    "tests/store/test_sentinel.py",
    "tests/turns/test_turn_states.py",
    "tests/web/browser/",
    "tests/web/test_oidc.py",
)
# Parts of the names of single tests.
SLOW = (
    "test_a_slow_slack",
    "test_more_blocks_than_a_message_takes",
    "test_a_limited_append_waits",
    "test_when_the_connection_is_lost",
    "test_a_broken_gguf_is_refused",
    "test_a_change_of_the_format_under_waiting_turns",
    "test_a_child_that_dies_is_started_again_with_growing_pauses",
    "test_a_message_that_was_made_before",
    "test_a_message_whose_id_was_lost",
    "test_a_poison_turn",
    "test_a_question_asked_just_before_an_outage",
    "test_a_question_that_cannot_be_saved_gets_503",
    "test_a_resume_that_fails",
    "test_a_service_that_quotes_the_question",
    "test_a_store_that_is_away_makes_the_role",
    "test_a_ticket_that_ran_out",
    "test_a_turn_that_cannot_be_read",
    "test_a_used_up_bucket_is_closed",
    "test_an_endless_paragraph_costs",
    "test_ask_while_redis_goes_away",
    "test_a_mention_may_be_of",
    "test_a_429_is_obeyed",
    "test_commands_are_acknowledged",
    "test_a_click_that_was_heard",
    "test_a_lost_connection_is_resumed",
    "test_a_session_outlives",
    "test_after_an_invalid_session",
    "test_without_a_connection_no_time",
    "test_while_it_ends_and_takes",
    "test_a_gap_that_cannot_be_read",
    "test_after_a_restart_mentions",
    "test_what_is_looked_at_after_a_gap",
    "test_a_first_connection_that_fails",
    "test_a_login_that_fails",
    "test_slow_channels",
    "test_what_asks_for_patience",
    "test_a_session_that_begins_anew",
    "test_an_orderly_end_lets",
    "test_an_answer_that_does_not_finish_in_time",
    "test_closing_waits_for_signs_of_typing",
    "test_commands_and_events_end_before",
    "test_computation_agrees_with_discord_py",
    "test_every_stream_of_a_crowded_bucket",
    "test_garbage_never_ends_the_service",
    "test_looking_leaves_nothing",
    "test_no_spelling_of_a_host",
    "test_no_window_of_a_period",
    "test_nobody_s_words_are_logged",
    "test_nothing_deserialises_code",
    "test_roles_of_who_wrote_in_a_gap",
    "test_shards_of_one_process_share_the_work",
    "test_signing_out_ends_the_session",
    "test_streams_refused_to_a_place",
    "test_the_bill_of_materials",
    "test_the_commands_as_an_operator_calls_them",
    "test_too_many_requests_and_outages_are_waited_out",
    "test_whatever_is_in_the_fields",
    "test_while_redis_is_away_one_edit_a_period",
    "test_with_a_key_everything_but_the_probes",
    "test_within_slacks_own_limits",
    "test_without_status_lines_a_message",
    "tests/web/test_sign_in.py::test_a_proxy_tells_visitors_apart",
)
# Parts of the names of what takes longest, the longest first.
LONGEST = (
    "test_kills_outages_and_second_thoughts",
    "test_a_day_in_the_life",
    "test_readme.py::test_command_beside",
    "test_readme.py::test_the_page",
    "inference/test_real_model.py",
    "test_no_check_goes_with_the_asserts",
    "test_8_bits_stay_within",
    "test_all_roles_run_answer",
    "test_start_with_a_model",
    "test_a_disk_that_fills_up",
    "inference/test_vllm_engine.py",
    "test_the_bill_of_materials",
    "test_a_talk_that_goes_on",
    "cli/test_models_cli.py::test_pickles",
    "test_the_tests_of_the_store_and_the_page",
    "test_fifty_streams",
    "test_a_scanner_finds_nothing",
    "test_no_order_of_events",
)


class Spread(LoadScopeScheduling):  # type: ignore[misc] # xdist ships no types
    """Gives a worker one test after the other, and all tests at once of a file whose tests share a costly fixture."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def group_of(nodeid: str) -> str:
    """What a test goes together with: its file, or nothing but itself."""
    file = nodeid.partition("::")[0]
    return file if _shares_a_fixture(file) else nodeid


@cache
def _shares_a_fixture(file: str) -> bool:
    return 'scope="module"' in (ROOT / file).read_text(encoding="utf-8")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Spread:
    """Instead of `--dist`, whose groups do not work with pytest 9: it names them in a field that is not read."""
    return Spread(config, log)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many workers `-n auto` means: none for single files, nor where all would share (and empty) one store."""
    if os.environ.get("TEST_REDIS_URL") or all(".py" in arg for arg in config.args):
        return 0
    return min(MOST_WORKERS, WORKERS_A_CORE * (os.cpu_count() or 1))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what is slow."""
    if item.nodeid.startswith(SLOW_FILES) or any(part in item.nodeid for part in SLOW):
        item.add_marker(pytest.mark.slow)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where nothing slow is wanted, do not even import what is slow from its first line to its last."""
    if config.option.markexpr != "not slow" or collection_path.suffix != ".py":
        return None
    is_marked = re.search(r"^pytestmark = .*\bslow\b", collection_path.read_text(encoding="utf-8"), re.MULTILINE)
    return True if is_marked or str(collection_path.relative_to(ROOT)).startswith(SLOW_FILES) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where workers take the tests from one line: the longest first, so that none is left alone at the end.

    The others are mixed, in each process alike: at any time some workers compute while others wait.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: (_place(item), crc32(group_of(item.nodeid).encode())))


def _place(item: pytest.Item) -> int:
    for place, part in enumerate(LONGEST):
        if part in item.nodeid:
            return place
    return len(LONGEST) + (item.get_closest_marker("slow") is None)
