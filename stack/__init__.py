"""The pure core: what a stack is, which map a Mac gets, what a release holds and what it changes.

Nothing here talks to a host: no pyinfra, no Docker, no network. Data goes down one line:
data → model → map → render → changes → report.
"""
