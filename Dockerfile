# The service and every other command of canon: `docker build -t attio-canon .`, then see docs/deploy.md.

FROM python:3.13-slim AS build

WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY sync sync
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --constraint constraints.txt .

FROM python:3.13-slim

RUN useradd --uid 10001 --create-home --home-dir /canon canon
COPY --from=build /venv /venv
WORKDIR /canon
COPY --chown=canon:canon dbt_project dbt_project
COPY --chown=canon:canon profiles.yml.example profiles.yml

ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1
USER 10001
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health', timeout=4)"]
CMD ["canon", "serve", "--host", "0.0.0.0", "--port", "8080"]
