# docker buildx bake                                     an image for this machine
# VERSION=v1.2.3 docker buildx bake release --push       images for both architectures, to the registry
#
# The Dockerfile builds for another architecture by cross-compiling, so neither needs an emulator.

variable "VERSION" {
  default = ""
}

variable "IMAGE" {
  default = "ghcr.io/mailrig/mailrig"
}

group "default" {
  targets = ["mailrig"]
}

target "mailrig" {
  context = "."
  args = {
    VERSION = VERSION
  }
  tags   = ["mailrig"]
  output = ["type=docker"]
}

target "release" {
  inherits  = ["mailrig"]
  platforms = ["linux/amd64", "linux/arm64"]
  tags = [
    "${IMAGE}:${trimprefix(VERSION, "v")}",
    "${IMAGE}:latest",
  ]
  output = ["type=registry"]
  attest = ["type=provenance,mode=max", "type=sbom"]
}
