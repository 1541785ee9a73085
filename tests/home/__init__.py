"""The home of the row in which the tests of the semantics run: one vocabulary, spoken to each ORM in its own way.

The tests import from here alone. Only the home that `homes.chosen()` names is imported.
"""

from tests import homes
from tests.clock import FAR_AHEAD, LONG_AGO, NOON  # noqa: F401
from tests.databases import chosen as vendor  # noqa: F401

if homes.chosen() == "django":
    from tests.home.django import *  # noqa: F403
else:
    from tests.home.sqlalchemy import *  # noqa: F403
