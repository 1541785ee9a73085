"""`pk IN (...)` for batches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db.models import F, Lookup, Q

from stepper_motor.sql.rows import in_list

if TYPE_CHECKING:
    _Lookup = Lookup[Any]
else:
    _Lookup = Lookup


class _Among(_Lookup):
    """Whole numbers written out in the statement: hundreds of parameters cost more to bind than the rows to read."""

    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        lhs, params = self.process_lhs(compiler, connection)
        return f"{lhs} {in_list(self.rhs)[0]}", list(params)


def among(keys: Iterable[Any]) -> Any:
    """A filter for the rows with these primary keys."""
    listed = list(keys)
    if listed and all(type(key) is int for key in listed):
        return _Among(F("pk"), listed)
    return Q(pk__in=listed)
