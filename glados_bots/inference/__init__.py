"""The service: one model behind an OpenAI-compatible API.

Nothing outside it imports torch.
"""
