"""One short program a peer; each does the same named pieces of work in its own way (peer.py)."""
