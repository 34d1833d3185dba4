# syntax=docker/dockerfile:1
# Stage 1 has what fetches and builds; stage 2 has only what runs, as a user without rights.

FROM python:3.13-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /srv/gatehouse
RUN python -m venv /opt/venv
COPY requirements.txt ./
RUN /opt/venv/bin/pip install --require-hashes --only-binary :all: -r requirements.txt
# The front-end files: npm comes from a Python package and stays in this stage.
COPY requirements-node.txt package.json package-lock.json .npmrc ./
COPY scripts/frontend.py scripts/
RUN python -m venv /opt/node && /opt/node/bin/python scripts/frontend.py
COPY app app
COPY static static
COPY templates templates
COPY wsgi.py ./
RUN SECRET_KEY=only-to-start-the-build-command /opt/venv/bin/flask --app wsgi assets build \
    && rm -rf instance node_modules

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent gatehouse \
    && mkdir -p /var/lib/gatehouse && chown gatehouse: /var/lib/gatehouse
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    FLASK_APP=wsgi DATA_DIR=/var/lib/gatehouse HOST=0.0.0.0 PORT=8000
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/gatehouse
COPY --from=build /srv/gatehouse/app app
COPY --from=build /srv/gatehouse/static static
COPY --from=build /srv/gatehouse/templates templates
COPY package.json wsgi.py ./
COPY migrations migrations
COPY scripts/healthcheck.py scripts/
USER gatehouse
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "scripts/healthcheck.py"]
CMD ["python", "-m", "app.server"]
