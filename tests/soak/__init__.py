"""A soak: numbered questions over many threads, while every part is killed at random; then the ledgers are compared.

The far ends (fake Discord, fake Slack) live in this process and are never killed: they are what people would see. All
else are processes as they are run in earnest: `glados discord`, `glados slack`, the inference service, Valkey.
"""
