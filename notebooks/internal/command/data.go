package command

import (
	"maps"
	"regexp"
	"slices"

	"descent/notebooks/internal/nb"
)

var datasetCall = regexp.MustCompile(`\bdatasets\.([A-Z]\w*)\(`)

// loaded returns the names of the data sets that the notebooks load.
func loaded(books []*nb.Notebook) []string {
	found := map[string]bool{}
	for _, n := range books {
		for _, c := range n.Cells() {
			if !c.IsCode() {
				continue
			}
			for _, m := range datasetCall.FindAllStringSubmatch(c.Source(), -1) {
				found[m[1]] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}
