import pytest

pytest.register_assert_rewrite("tests.queues.suite", "tests.queues.sweeping")
