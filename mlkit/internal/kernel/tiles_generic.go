//go:build (!amd64 && !arm64) || noasm

package kernel

func (t *tiles) run()  { tilesGo(t) }
func (t *tiles) dots() { dotsGo(t) }
