"""How a row is asked and written: the engine's own statements, once for every ORM. Knows no ORM.

A home gives a `Database` that runs a statement on its connection; the app's objects, heroes and queries stay the ORM's.
"""
