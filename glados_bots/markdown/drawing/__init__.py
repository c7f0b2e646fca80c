"""From the tree to what chats can show: messages cut to length, text that stands for tables and formulas."""
