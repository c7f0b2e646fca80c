"""How programs run on one machine: the supervisor over all roles, and the watchdog in each role."""
