"""What people write becomes a question that is saved, or is refused with a sentence.

It knows no platform: adapters hand it plain data.
"""
