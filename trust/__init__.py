"""Whether the promises hold while things break: what happened is written down, and checked after.

``python -m trust.chaos`` breaks one thing after the other; docs/trust.md has its newest table.
"""
