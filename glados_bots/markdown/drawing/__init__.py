"""Draws the tree for chats: messages of limited length, with text in place of tables and formulas."""
