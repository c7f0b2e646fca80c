"""Makes saved questions of what people write, or refuses it with a sentence.

It knows no platform: adapters hand it plain data.
"""
