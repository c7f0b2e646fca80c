"""What only the Slack adapter counts. Labels are kinds of things, never people, places or text."""

from prometheus_client import Counter, Gauge

SOCKETS = Gauge("glados_slack_sockets", "Socket Mode connections that are up in this process")
UNHANDLED = Counter("glados_slack_unhandled_total", "Things Slack sent that nothing here takes", ["kind"])
REFUSED_REQUESTS = Counter("glados_slack_refused_requests_total", "HTTP requests refused before any work", ["reason"])
EVENTS_LEFT_OUT = Counter("glados_slack_events_left_out_total", "Minutes in which Slack left out events (too many)")
DEAD_INSTALLS = Counter("glados_slack_dead_installations_total", "Workspaces whose token Slack refuses for good")
