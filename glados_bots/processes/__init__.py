"""How programs live on one machine: roles, the supervisor over them, the watchdog in each."""
