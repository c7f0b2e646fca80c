"""What the roles that take questions count, for Prometheus. Labels are platforms and outcomes: never people or text.

The inference service counts for itself, in inference/api/metrics.py.
GLADOS_METRICS_PORT shows these; see operations/exporter.py.
"""

from prometheus_client import Counter, Gauge, Histogram

LATENCY_BUCKETS = (0.5, 1, 2, 5, 10, 20, 40, 60, 120, 300, 900)  # seconds; a model that is away is waited for

RECEIVED = Counter("glados_questions_total", "Events handed in, by what became of them", ["platform", "status"])
FINISHED = Counter("glados_turns_total", "Turns ended, by how", ["platform", "outcome"])
VOTES = Counter("glados_votes_total", "Votes on answers, withdrawn ones too", ["platform", "vote"])
TOKENS = Counter("glados_turn_tokens_total", "Tokens of prompts and answers of ended turns", ["platform"])
RETRIES = Counter("glados_turn_retries_total", "Turns begun again after a failed or lost attempt", ["platform"])
RATE_LIMITED = Counter("glados_rate_limited_total", "Calls the platform refused for their rate (429)", ["platform"])
SHOWN = Counter("glados_messages_total", "Messages made or changed, by what came of it", ["platform", "outcome"])
RECONNECTS = Counter("glados_reconnects_total", "Connections to the platform that were lost", ["platform"])
LATENCY = Histogram(
    "glados_turn_seconds", "From the question taken in to its final answer", ["platform"], buckets=LATENCY_BUCKETS
)
RUNNING = Gauge("glados_turns_running", "Turns this process works on", ["platform"])
WAITING = Gauge("glados_conversations_waiting", "Conversations with unanswered turns, leased ones too", ["platform"])
DEAD = Gauge("glados_dead_letters", "Turns given up and kept for an operator", ["platform"])
STORE_UP = Gauge("glados_store_up", "1 while Redis answers", ["platform"])
