# syntax=docker/dockerfile:1
# CPU image of the service. Build it with PyTorch's index of CPU wheels, or the image grows by gigabytes of CUDA:
#   docker build --build-arg TORCH_INDEX=<address of PyTorch's CPU wheel index> -t recsys .
#   docker run -v recsys-data:/data recsys ingest sample
#   docker run -v recsys-data:/data recsys build
#   docker run -v recsys-data:/data -p 127.0.0.1:8000:8000 recsys

FROM python:3.11-slim-bookworm AS builder
ARG TORCH_INDEX=""
WORKDIR /src
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY constraints.txt ./
# torch first and alone: it is the large layer, and the only package that may come from another index
RUN pip install ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch==$(sed -n 's/^torch==//p' constraints.txt)
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY recsys recsys
COPY models models
RUN pip install --constraint constraints.txt ".[postgres,int8]"

FROM python:3.11-slim-bookworm
# FAISS and OpenVINO bring their own code but use the system's OpenMP
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin recsys && install -d -o recsys /data
COPY --from=builder /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 RECSYS_DATA=/data RECSYS_HOST=0.0.0.0
USER recsys
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('RECSYS_PORT', '8000')}/healthz\", timeout=2)"]
ENTRYPOINT ["recsys"]
CMD ["serve"]
