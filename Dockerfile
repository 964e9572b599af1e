# tenantry as a container, with the PostgreSQL that it replays files on; nothing in it runs as root.
#   docker build --tag tenantry .
#   docker run --rm --read-only --tmpfs /tmp --volume "$PWD:/project:ro" --volume tenantry:/state tenantry migrate

FROM python:3.13-slim AS build
WORKDIR /source
COPY requirements.lock pyproject.toml hatch_build.py README.md LICENSE ./
COPY runner runner
# tenantry is a link to runner/, and a build context holds no links that point elsewhere.
RUN ln -s runner tenantry \
    && python -m venv /opt/tenantry \
    && /opt/tenantry/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock \
    && /opt/tenantry/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation . \
    && /opt/tenantry/bin/pip uninstall --yes --disable-pip-version-check editables hatchling

FROM python:3.13-slim
RUN useradd --uid 10001 --user-group --create-home tenantry \
    && install -d -o tenantry -g tenantry -m 0700 /state
COPY --from=build /opt/tenantry /opt/tenantry
# All that is written goes to /state, and the sockets of scratch servers to /tmp: the root may be read-only.
ENV PATH=/opt/tenantry/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    TENANTRY_STATE=/state
USER 10001:10001
WORKDIR /project
VOLUME /state
ENTRYPOINT ["tenantry"]
CMD ["--help"]
