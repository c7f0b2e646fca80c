"""Prometheus metrics of the roles that take questions. Labels are platforms and outcomes, never people or text.

The inference service has its own metrics in inference/api/metrics.py.
operations/exporter.py serves these on GLADOS_METRICS_PORT.
"""

from prometheus_client import Counter, Gauge, Histogram

LATENCY_BUCKETS = (0.5, 1, 2, 5, 10, 20, 40, 60, 120, 300, 900)  # seconds; turns wait for an unreachable model

RECEIVED = Counter("glados_questions_total", "Events handed in, by result", ["platform", "status"])
FINISHED = Counter("glados_turns_total", "Turns ended, by outcome", ["platform", "outcome"])
VOTES = Counter("glados_votes_total", "Votes on answers, including withdrawn ones", ["platform", "vote"])
TOKENS = Counter("glados_turn_tokens_total", "Prompt and answer tokens of ended turns", ["platform"])
RETRIES = Counter("glados_turn_retries_total", "Turns begun again after a failed or lost attempt", ["platform"])
RATE_LIMITED = Counter("glados_rate_limited_total", "Calls that the platform refused (429)", ["platform"])
SHOWN = Counter("glados_messages_total", "Messages created or edited, by outcome", ["platform", "outcome"])
RECONNECTS = Counter("glados_reconnects_total", "Lost connections to the platform", ["platform"])
LATENCY = Histogram(
    "glados_turn_seconds", "Time from accepting a question to its final answer", ["platform"], buckets=LATENCY_BUCKETS
)
RUNNING = Gauge("glados_turns_running", "Turns this process works on", ["platform"])
WAITING = Gauge("glados_conversations_waiting", "Conversations with unanswered turns, also leased ones", ["platform"])
DEAD = Gauge("glados_dead_letters", "Turns given up and stored for an operator", ["platform"])
STORE_UP = Gauge("glados_store_up", "1 while Redis answers", ["platform"])
FILES = Counter("glados_files_total", "Attached files, by kind and result", ["kind", "result"])
