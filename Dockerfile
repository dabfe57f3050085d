# The image in which Snakemake's rules run under --sdm apptainer, and by itself:
#   docker run --rm --volume "$PWD:/work" --user "$(id -u):$(id -g)" IMAGE srnet reproduce --config demo
# The versions are those of requirements.lock, and the hashes are checked, but for torch and what it
# alone needs.
FROM python:3.12-slim-bookworm

ENV UV_SYSTEM_PYTHON=1 UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1

# First and alone, as in the Makefile; the CPU builds have an index of their own.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN --mount=type=bind,from=ghcr.io/astral-sh/uv:0.13.9,source=/uv,target=/usr/bin/uv \
    uv pip install --index-url $TORCH_INDEX torch==2.13.0

WORKDIR /src
RUN --mount=type=bind,from=ghcr.io/astral-sh/uv:0.13.9,source=/uv,target=/usr/bin/uv \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    --mount=type=bind,source=requirements.lock,target=requirements.lock \
    echo 'torch; sys_platform == "none"' > /tmp/installed \
    && uv pip install --reinstall --require-hashes --constraints requirements.lock --overrides /tmp/installed \
      --requirements pyproject.toml --extra workflow --extra cluster --extra storage --extra compare \
    && rm /tmp/installed

RUN --mount=type=bind,from=ghcr.io/astral-sh/uv:0.13.9,source=/uv,target=/usr/bin/uv \
    --mount=type=bind,target=/src,rw \
    uv pip install --no-deps --build-constraints requirements.lock /src

# The home is the folder of the results, as under Apptainer: the cache of compiled searches stays
# there, and any user of the machine may be this one.
RUN useradd --uid 1000 --create-home --home-dir /work --shell /bin/bash srnet
ENV HOME=/work
WORKDIR /work
USER srnet

# No entry point: batch services of clouds put their own command in the place of this one.
CMD ["srnet", "--help"]
