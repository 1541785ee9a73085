"""What a journey does, case by case: SEMANTICS.md, tested in every home of the row, on every database."""
