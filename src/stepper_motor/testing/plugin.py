"""The pytest plugin: fixtures for journeys. It imports no Django and nothing heavy."""
