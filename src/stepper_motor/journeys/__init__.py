"""What a journey is: pure decisions. No clock, no database, no queue, no log."""
