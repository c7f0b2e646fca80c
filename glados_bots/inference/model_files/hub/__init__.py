"""Models of the Hugging Face hub: which commit is served, what is here, and how missing files come here whole."""
