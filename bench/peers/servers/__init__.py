"""The servers and the hosts of each entry; most run in an environment of their own."""
