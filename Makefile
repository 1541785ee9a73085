# The commands of this repository. `make` alone lists them.

# Which tests: make test DATABASES=sqlite ENVIRONMENTS=.venv ARGS="-k claim"
DATABASES ?= sqlite postgresql mariadb
ENVIRONMENTS ?= .venv .venv-django-6.1
ARGS ?=
# Runs of the test matrix at once.
JOBS ?= 2

# Runs the tool that finds every other Python, so any from 3.7 on will do.
PYTHON ?= python3

# The packages' own type sample, once it is there.
TYPED := src tools $(wildcard tests/typing)

.PHONY: help demo test check soak constraints clean

help:
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

demo: .venv-demo/.installed ## an example shop with its journeys, a day a second, on SQLite
	.venv-demo/bin/python examples/shop/demo.py

test: $(addsuffix /.installed,$(ENVIRONMENTS)) ## all tests, on every Django and database there is
	.venv/bin/python -m tools.matrix --environments $(ENVIRONMENTS) --databases $(DATABASES) --jobs $(JOBS) -- $(ARGS)

check: .venv/.installed ## style, types, layers and the contents of the wheel
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/python -m mypy $(TYPED)
	.venv/bin/python -m tools.wheel
	.venv/bin/python -m pytest tests/test_layers.py

ifneq ($(wildcard benchmarks/__main__.py),)
.PHONY: bench
bench: .venv/.installed ## how fast it is: make bench ARGS="..."
	.venv/bin/python -m benchmarks $(ARGS)
endif

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

.venv/.installed: pyproject.toml constraints-django-5.2.txt tools/environment.py
	$(PYTHON) tools/environment.py .venv --pythons 3.11 3.12 3.13 3.14 \
		--constraints constraints-django-5.2.txt --extras django postgresql mysql --group dev

.venv-django-6.1/.installed: pyproject.toml constraints-django-6.1.txt tools/environment.py
	$(PYTHON) tools/environment.py .venv-django-6.1 --pythons 3.13 3.12 3.14 --optional \
		--constraints constraints-django-6.1.txt --extras django postgresql mysql --group test

.venv-demo/.installed: pyproject.toml constraints-django-5.2.txt tools/environment.py
	$(PYTHON) tools/environment.py .venv-demo --pythons 3.11 3.12 3.13 3.14 \
		--constraints constraints-django-5.2.txt --extras django
