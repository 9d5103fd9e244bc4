package nb

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

var (
	importBlock = regexp.MustCompile(`(?m)^import\s*\(([^)]*)\)`)
	importLine  = regexp.MustCompile(`(?m)^import\s+(?:[\w.]+\s+)?"([^"]+)"`)
	importSpec  = regexp.MustCompile(`(?m)^\s*(?:[\w.]+\s+)?"([^"]+)"`)
)

// Imports returns the packages that the code cells import, sorted. A cell is
// not a Go file (it may hold magic commands and statements only), so this reads
// just the import declarations.
func (n *Notebook) Imports() []string {
	found := map[string]bool{}
	for _, c := range n.Cells() {
		if !c.IsCode() || strings.HasPrefix(c.Source(), "%%writefile") {
			continue
		}
		for _, m := range importLine.FindAllStringSubmatch(c.Source(), -1) {
			found[m[1]] = true
		}
		for _, block := range importBlock.FindAllStringSubmatch(c.Source(), -1) {
			for _, m := range importSpec.FindAllStringSubmatch(block[1], -1) {
				found[m[1]] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}
