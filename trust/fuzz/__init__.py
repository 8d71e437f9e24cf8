"""Bytes that nobody should send, given to each parser of what strangers send: ``make fuzz``."""
