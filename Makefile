# The commands of this repository. `make` alone lists them.

# Which tests: make test DATABASES=sqlite ENVIRONMENTS=.venv HOMES=django ARGS="-k claim"
# Every home on every database, and the job queues: make test ALL=1
ALL ?=
DATABASES ?= sqlite postgresql mariadb
ENVIRONMENTS ?= .venv .venv-django-6.1
HOMES ?= django sqlalchemy sqlalchemy-async
ARGS ?=
# Runs of the test matrix at once.
JOBS ?= 3

# Runs the tool that finds every other Python, so any from 3.7 on will do.
PYTHON ?= python3

.PHONY: help demo demo-celery demo-django-tasks demo-fastapi demo-flask test test-queues check bench soak constraints clean

help:
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 20

demo: .venv-demo/.installed ## an example shop with its journeys, a day a second, on SQLite
	.venv-demo/bin/python examples/shop/demo.py

demo-celery: .venv-demo/.installed ## the same shop on PostgreSQL, its steps handed to Celery through RabbitMQ
	.venv-demo/bin/python examples/shop/demo.py --queue celery

demo-django-tasks: .venv-demo/.installed ## the same shop on PostgreSQL, its steps handed to Django's tasks in that database
	.venv-demo/bin/python examples/shop/demo.py --queue django-tasks

demo-fastapi: .venv-demo/.installed ## an example payment service with FastAPI, whose worker is killed
	.venv-demo/bin/python -m examples.fastapi_service.demo

demo-flask: .venv-demo/.installed ## an example sign-up drip with Flask, two days a second
	.venv-demo/bin/python -m examples.flask_app.demo

test: $(addsuffix /.installed,$(ENVIRONMENTS)) ## the tests, in every home, version and database (ALL=1: in every combination)
	.venv/bin/python -m tools.matrix --environments $(ENVIRONMENTS) --homes $(HOMES) --databases $(DATABASES) --jobs $(JOBS) $(if $(ALL),--all) -- $(ARGS)

test-queues: .venv/.installed ## the job queues, on brokers of their own that are killed and restarted
	STEPPER_MOTOR_DATABASE=postgresql .venv/bin/python -m pytest -q -m brokers tests/queues $(ARGS)

check: .venv/.installed ## style, types, layers and the contents of the wheel
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/python -m mypy src tools tests/typing
	.venv/bin/python -m tools.wheel
	.venv/bin/python -m pytest tests/test_layers.py

bench: .venv/.installed ## how fast it is: make bench ARGS="..."
	.venv/bin/python -m benchmarks $(ARGS)

ROUNDS ?= 10
soak: .venv/.installed ## the crash and race tests over and over: make soak ROUNDS=10 DATABASES=postgresql
	for round in $$(seq $(ROUNDS)); do for database in $(DATABASES); do \
		echo "round $$round on $$database"; \
		STEPPER_MOTOR_DATABASE=$$database .venv/bin/python -m pytest -q -m processes || exit 1; \
	done; done

constraints: .venv/.installed .venv-django-6.1/.installed ## pins the newest versions that fit together
	.venv/bin/python tools/pins.py 5.2
	.venv-django-6.1/bin/python tools/pins.py 6.1

clean: ## removes the environments and everything built
	rm -rf .venv .venv-demo .venv-django-6.1 build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

# The environments: made again when what they are made from has changed.

EXTRAS := django postgresql mysql sqlalchemy-async sqlite-async postgresql-async mysql-async alembic flask

.venv/.installed: pyproject.toml constraints-django-5.2.txt tools/environment.py
	$(PYTHON) tools/environment.py .venv --pythons 3.11 3.12 3.13 3.14 \
		--constraints constraints-django-5.2.txt --extras $(EXTRAS) --group dev

.venv-django-6.1/.installed: pyproject.toml constraints-django-6.1.txt tools/environment.py
	$(PYTHON) tools/environment.py .venv-django-6.1 --pythons 3.13 3.12 3.14 --optional \
		--constraints constraints-django-6.1.txt --extras $(EXTRAS) --group test

.venv-demo/.installed: pyproject.toml constraints-django-5.2.txt tools/environment.py
	$(PYTHON) tools/environment.py .venv-demo --pythons 3.11 3.12 3.13 3.14 \
		--constraints constraints-django-5.2.txt --group examples \
		--extras django postgresql celery django-tasks sqlalchemy-async sqlite-async flask
