//go:build (!amd64 && !arm64) || noasm

package gemm

func (t *tiles) run() { tilesGo(t) }

func (t *tiles) dots() { dotsGo(t) }
