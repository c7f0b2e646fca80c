"""The gateway: sockets, the sessions behind them, and which events those are sent."""
