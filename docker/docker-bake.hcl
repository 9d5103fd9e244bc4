# docker buildx bake -f docker/docker-bake.hcl           for this machine's processor
# docker buildx bake -f docker/docker-bake.hcl release   for both, TAG names it
variable "TAG" { default = "descent" }

# Empty takes the Dockerfile's own; golang@sha256:… pins the bytes.
variable "GO_IMAGE" { default = "" }
variable "DEBIAN_IMAGE" { default = "" }

group "default" { targets = ["book"] }

target "book" {
  context    = "."
  dockerfile = "docker/Dockerfile"
  target     = "book"
  tags       = [TAG]
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
  tags     = ["${TAG}-hub"]
}
