"""How our programs live on one machine: roles, the supervisor over them, and the watchdog inside each."""
