"""What is kept: every Redis key and script of the core.

It knows no platform, no model and no setting.
"""
