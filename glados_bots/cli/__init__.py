"""The command line, one file per command.

A command is loaded when it is called.
"""
