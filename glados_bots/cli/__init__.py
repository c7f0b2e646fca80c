"""The command line: one file per command. Each is loaded when it is called."""
