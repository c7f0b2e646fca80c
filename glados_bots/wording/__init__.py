"""Every sentence that people in chats and on the page can read, in each language.

A sentence is a value: `say("limit-minute-user", wait=...)` names it, and only the place that shows it knows the
language of its reader. `catalogues/` holds one gettext file per language.
"""
