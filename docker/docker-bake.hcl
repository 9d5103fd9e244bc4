# docker buildx bake -f docker/docker-bake.hcl           for this machine's processor
# docker buildx bake -f docker/docker-bake.hcl release   for both, to publish:
#
#   TAG=registry.example/you/descent VERSION=2026.11.29 REVISION=$(git rev-parse HEAD) \
#     SOURCE=https://github.com/you/descent docker buildx bake -f docker/docker-bake.hcl release --push
#
# For two processors and the attestations the builder must be one that BuildKit runs in a
# container (docker buildx create --use), or Docker's with the containerd image store.
# The tags are TAG:VERSION, which never moves, TAG:REVISION (of 12 digits), and TAG:latest.
# VERSION is the day of the commit: git log -1 --format=%cd --date=format:%Y.%m.%d
variable "TAG" { default = "descent" }
variable "VERSION" { default = "" }
variable "REVISION" { default = "" }
variable "SOURCE" { default = "" }

function "tags" {
  params = [name]
  result = concat(["${name}:latest"],
    VERSION != "" ? ["${name}:${VERSION}"] : [],
    REVISION != "" ? ["${name}:${substr(REVISION, 0, 12)}"] : [])
}

# Empty takes the Dockerfile's own; golang@sha256:… pins the bytes.
variable "GO_IMAGE" { default = "" }
variable "DEBIAN_IMAGE" { default = "" }

group "default" { targets = ["book"] }

target "book" {
  context    = "."
  dockerfile = "docker/Dockerfile"
  target     = "book"
  tags       = tags(TAG)
  labels = {
    "org.opencontainers.image.version"  = VERSION != "" ? VERSION : null
    "org.opencontainers.image.revision" = REVISION != "" ? REVISION : null
    "org.opencontainers.image.source"   = SOURCE != "" ? SOURCE : null
    "org.opencontainers.image.created"  = VERSION != "" ? timestamp() : null
  }
  args = {
    GO_IMAGE     = GO_IMAGE != "" ? GO_IMAGE : null
    DEBIAN_IMAGE = DEBIAN_IMAGE != "" ? DEBIAN_IMAGE : null
  }
}

target "release" {
  inherits  = ["book"]
  platforms = ["linux/amd64", "linux/arm64"]
  attest    = ["type=provenance,mode=max", "type=sbom"]
}

# With jupyterhub-singleuser, for a class; see README.md.
target "hub" {
  inherits = ["book"]
  target   = "hub"
  tags     = tags("${TAG}-hub")
}
