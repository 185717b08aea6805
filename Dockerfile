# syntax=docker/dockerfile:1

# mailrig in an empty image: one static binary, an empty /tmp, nothing else.
#
#   docker build -t mailrig .
#   docker run --rm -p 127.0.0.1:8025:8025 -p 25:25 -p 587:587 -p 993:993 mailrig
#
# docker-bake.hcl builds it for several architectures. Every flag is a variable: -e MAILRIG_SCENARIO=greylisting is --scenario greylisting.

ARG GO_VERSION=1.26
FROM --platform=$BUILDPLATFORM golang:${GO_VERSION} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH
# What "mailrig version" says. The builder doesn't get the repository, in which it would stand.
ARG VERSION
# CGO_ENABLED=0 makes it static, which an image without a C library needs.
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w${VERSION:+ -X main.release=$VERSION}" -o /out/mailrig ./cmd/mailrig \
 && install -d -m 1777 /out/tmp

FROM scratch
LABEL org.opencontainers.image.title="mailrig" \
      org.opencontainers.image.description="Mock mail server for testing mail clients" \
      org.opencontainers.image.source="https://github.com/mailrig/mailrig" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /out/mailrig /mailrig
# The CA of the run is put into a temporary file, and scratch has no place for one.
# 65532 is what the image runs as; a volume may be mounted over it, read-only not.
COPY --from=build --chown=65532:65532 /out/tmp /tmp

# A number, because there is no /etc/passwd. It may open ports below 1024: Docker
# (since 20.10) and Podman set net.ipv4.ip_unprivileged_port_start=0 in a
# container. Where that isn't so, as in Kubernetes without the sysctl, the start
# ends with an error that says so: give --user 0, or MAILRIG_PORT_OFFSET=3000.
USER 65532:65532

# Inside a container loopback is of no use to others. Offset 0 is exact: a door
# that cannot open is an error here, never silently another port.
ENV MAILRIG_HOST="0.0.0.0 ::" \
    MAILRIG_HTTP="0.0.0.0:8025" \
    MAILRIG_PORT_OFFSET="0"
EXPOSE 25 110 143 465 587 993 995 2525 8025

# It is asked every 200 ms until it is ready, and then every 5 s (Docker 25 and later).
HEALTHCHECK --interval=5s --timeout=3s --start-period=5s --start-interval=200ms --retries=3 \
    CMD ["/mailrig", "wait", "--ready", "--timeout", "2s"]

ENTRYPOINT ["/mailrig"]
CMD ["serve"]
