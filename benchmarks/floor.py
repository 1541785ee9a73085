"""The least that has to be written, in bare SQL by one thread: what any engine on this database is measured by."""

from __future__ import annotations

from time import perf_counter

from django.db import connection

BATCH = 200

TABLES = """
CREATE TABLE bare (id bigint PRIMARY KEY, state text NOT NULL, step int NOT NULL, due timestamptz);
CREATE INDEX ON bare (due, id) WHERE state = 'ready';
CREATE TABLE bare_history (id bigserial PRIMARY KEY, journey_id bigint, step int, finished timestamptz);
INSERT INTO bare SELECT n, 'ready', 0, clock_timestamp() FROM generate_series(1, %s) AS n;
"""
CLAIM = """
WITH due AS MATERIALIZED (
  SELECT id FROM bare WHERE state = 'ready' AND due <= (SELECT clock_timestamp())
  ORDER BY due, id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED)
UPDATE bare SET state = 'performing' WHERE id = ANY (ARRAY(SELECT id FROM due)) RETURNING id
"""
SETTLE = "UPDATE bare SET step = step + 1, state = %s WHERE id = ANY (%s)"
TELL = "INSERT INTO bare_history (journey_id, step, finished) SELECT unnest(%s::bigint[]), %s, clock_timestamp()"


def floor(journeys: int, steps: int) -> float:
    """Seconds for `journeys` rows through `steps` settlements each, claimed and settled in batches."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bare, bare_history")
        for statement in filter(str.strip, TABLES.split(";")):
            cursor.execute(statement, [journeys] if "%s" in statement else None)
        began = perf_counter()
        while True:
            cursor.execute(CLAIM, [BATCH])
            ids = [row[0] for row in cursor.fetchall()]
            if not ids:
                return perf_counter() - began
            for step in range(1, steps + 1):
                cursor.execute("BEGIN")
                cursor.execute(SETTLE, ["performing" if step < steps else "finished", ids])
                cursor.execute(TELL, [ids, step])
                cursor.execute("COMMIT")
