"""What tests of journeys need: speedruns, time travel, assertions, and the fixtures of a pytest plugin."""
