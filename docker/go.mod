// The test of the image. A reader's machine downloads none of it.
module descent/docker

go 1.26.0

require (
	github.com/coder/websocket v1.8.15
	golang.org/x/sys v0.38.0
)
