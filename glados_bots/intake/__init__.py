"""Saves what people write as questions, or refuses it with a sentence.

It knows no platform: adapters hand it plain data.
"""
