"""Finds words in the chats of one owner."""
