"""Files that the bot gives back. A message of Slack cannot be given a file by an edit, so each of them is an upload."""
