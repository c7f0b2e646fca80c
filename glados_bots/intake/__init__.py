"""From what people write to a question that is saved: whether it asks the bot, what it says, whether it may."""
