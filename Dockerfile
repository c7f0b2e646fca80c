# syntax=docker/dockerfile:1
# One image for every role: its command is `glados`, so `docker run IMAGE serve` is the service, `web` the page, and so on.
#
#   docker build -t glados:cpu .
#   docker build -t glados:cuda --build-arg TORCH=cu130 .
#
# TORCH is a folder of PyTorch's wheel index: cpu, or a CUDA version that your driver knows. VERSION is what
# `glados --version` says; git, which knows it elsewhere, is not in the image.
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
ARG TORCH=cpu
ARG TORCH_INDEX=https://download.pytorch.org/whl
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PATH=/opt/glados/bin:$PATH
WORKDIR /src
RUN python -m venv /opt/glados

# torch by itself: the largest layer changes least, and no other package is ever looked up on its index.
COPY requirements.lock requirements.hashed.txt ./
RUN grep '^torch==' requirements.lock > torch.txt \
 && pip install --no-deps --index-url "${TORCH_INDEX}/${TORCH}" -r torch.txt

# Everything else, each file by its hash, and the small model. What is left for the last step are torch's GPU libraries.
RUN pip install --no-deps --require-hashes -r requirements.hashed.txt

COPY pyproject.toml README.md LICENSE.md ./
COPY glados_bots glados_bots
COPY adapters adapters
COPY models models
ARG VERSION=0.1.0.dev0
RUN SETUPTOOLS_SCM_PRETEND_VERSION="${VERSION}" pip install -c requirements.lock '.[all,otel]'

FROM python:${PYTHON} AS runtime
# A number and not a name: Kubernetes can then see that it is not root.
RUN groupadd --gid 10001 glados \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin glados \
 && install --directory --owner=10001 --group=10001 --mode=700 /data
COPY --from=build /opt/glados /opt/glados

# Only /data and /tmp are ever written, so the root may be read-only. GLADOS_HOST: a container's port is not reachable
# before somebody publishes it.
ENV PATH=/opt/glados/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/data \
    HF_HOME=/data/hub \
    GLADOS_DATA_DIR=/data \
    GLADOS_HOST=0.0.0.0
WORKDIR /data
VOLUME ["/data"]
USER 10001:10001
EXPOSE 5950 5951
STOPSIGNAL SIGTERM
# For `up`, the default; each role has its own: `glados health serve`, `glados health discord`.
HEALTHCHECK --interval=30s --timeout=10s --start-period=10m --retries=3 CMD ["glados", "health", "web"]
ENTRYPOINT ["glados"]
CMD ["up"]
