"""What the app asks of Slack: its rights, the events it wants, its command and shortcuts.

deploy/slack-manifest.yaml says the same to Slack (a test compares); doctor asks Slack what it granted.
"""

COMMAND = "/glados"
ASK_ABOUT, RESET_THREAD = "glados_ask_about", "glados_reset_thread"
SHORTCUTS = {ASK_ABOUT: "Ask GLaDOS about this", RESET_THREAD: "Reset this thread with GLaDOS"}

# Without these nothing works.
NEEDED = frozenset({"app_mentions:read", "chat:write", "im:history"})
# What each further right is for, said by doctor where it is missing.
WANTED = {
    "assistant:write": "suggested prompts in the agent's and the assistant's view",
    "channels:history": "follow-ups without a mention in threads of public channels",
    "channels:read": "names of public channels",
    "commands": "the command /glados and the shortcuts",
    "files:read": "reading attached files",
    "files:write": "sending an export, and long answers as files",
    "groups:history": "follow-ups without a mention in threads of private channels",
    "groups:read": "names of private channels",
    "im:write": "direct messages to people",
    "mpim:history": "follow-ups without a mention in group messages",
    "users:read": "names and languages of people, and who is an admin",
}
SCOPES = NEEDED | WANTED.keys()

EVENTS = frozenset(
    {
        "agent_session_stopped",
        "app_context_changed",
        "app_home_opened",
        "app_mention",
        "app_uninstalled",
        "message.channels",
        "message.groups",
        "message.im",
        "message.mpim",
        "tokens_revoked",
    }
)
