"""What the bot itself says to people in chats, in one place: to be proofread, and one day translated.

Sentences that only one command or form of one platform says stand beside it.
"""

# The answer
APOLOGY = "Sorry, something went wrong on my side and I could not answer this. The operator has a record of it."
EMPTY = "The model had nothing to say to this. Try to put the question in other words."
THINKS = "The model is thinking."
PAUSED = "Paused for a restart; the answer goes on in a moment."
MODEL_AWAY = "The model is not reachable right now. Your question is kept; the answer goes on as soon as it is back."

# Something is broken or away
BROKEN = "Something went wrong on my side. The operator has a record of it."
STORE_AWAY = "I cannot reach my memory right now. Please try again in a moment."
NOT_TAKEN_IN = "I cannot reach my memory right now and could not take this in. Please ask again in a moment."
CLOSING = "I am about to restart. Please ask again in a minute."

# A question that cannot be taken in
NO_QUESTION = "What do you want to know? Please write your question."
HOW_TO_ASK_ON_DISCORD = "Write your question after my name, or use /ask. /help says what else I can do."
HOW_TO_ASK_ON_SLACK = (
    "You called? Write your question in the same message, or in this thread. `/glados help` says what else I can do."
)
FILES_ONLY = "Ask me something about it in words. {left_out}"
CONTENT_HINT = "I can only read messages here that mention me: please write my name before your question."
TOO_LONG = "This is too long for me: {length} characters, and {allowed} are allowed."
CANNOT_WRITE_HERE = "I cannot write here: I need {what}. Whoever manages the server can grant it."
CANNOT_WRITE_IN = (
    "I was asked in {place} but cannot write there: I need {what}. Whoever manages the server can grant it."
)

# Who may ask where
NOT_ON_THIS_SERVER = "I am not set up to answer on this server."
NOT_IN_CHANNEL = "I am not set up to answer in this channel."
NOT_FOR_YOU = "You are not on the list of people I answer to. Whoever runs this bot can change that."
NOT_FOR_OUTSIDERS = "I only answer people of the organisation that runs me."
NO_DMS = "I do not answer in direct messages. Ask me in a channel of a server we share."

# What is asked of an answer or a command
ON_ITS_WAY = "Your question is taken in; the answer comes here, where everybody sees it."
TOO_OLD = "This answer is too old for that: I do not remember it any more."
NO_VOTE_YET = "You can vote once the answer is complete."
NOT_ALONE = "This conversation is not only yours: ask somebody who may manage this channel."
