"""The command line, one file per command.

A command is loaded when it is called. Those in `stored` read and change what is stored in Redis.
"""
