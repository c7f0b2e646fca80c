"""Who may come in: sessions, sign-in, and what every request goes through."""
