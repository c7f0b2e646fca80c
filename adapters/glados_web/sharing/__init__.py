"""Read-only links to chats, which their owner makes and takes back."""
