# The image of docker-compose.yml: web, worker, beat and migrate are the same image with other commands.
# The base is an argument, so that a site can build on its own mirror or a tested snapshot.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /oxinate
COPY requirements.txt .
RUN python3 -m venv /opt/oxinate \
    && /opt/oxinate/bin/pip install --require-hashes --only-binary :all: -r requirements.txt

FROM ${BASE} AS oxinate
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 oxinate \
    && useradd --system --uid 10001 --gid oxinate --home-dir /var/lib/oxinate --create-home oxinate \
    && install -d -m 700 -o oxinate -g oxinate /var/lib/oxinate-keys /var/lib/oxinate-anchor
COPY --from=packages /opt/oxinate /opt/oxinate
WORKDIR /oxinate
COPY manage.py ./
COPY lims lims
COPY labeling labeling
COPY qc qc
COPY templates templates
COPY static static
COPY library library
ENV PATH=/opt/oxinate/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LIMS_ENV=production \
    LIMS_DATA_DIR=/var/lib/oxinate \
    LIMS_STATIC_ROOT=/oxinate/collected \
    LIMS_BIND=0.0.0.0:8000
# Collecting needs settings that start; none of these values is in the image's environment afterwards.
RUN python -m compileall -q lims labeling qc \
    && DATABASE_URL=postgresql://lims_app@localhost/oxinate REDIS_URL=redis://localhost/0 \
       LIMS_SECRET_KEY=only-for-collecting-static-files-0123456789-abcdefghij LIMS_ALLOWED_HOSTS=localhost \
       python manage.py collectstatic --no-input -v 0
# By number, which a host can check without the image's own list of users.
USER 10001:10001
VOLUME /var/lib/oxinate
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-m", "lims.healthcheck"]
CMD ["gunicorn", "-c", "python:lims.serving", "lims.wsgi:application"]
