package optim

import (
	"fmt"
	"path"

	"descent/mlkit/tensor"
)

// A Filter selects parameters by name (set by nn.Params), shape or identity.
type Filter func(p *tensor.Param) bool

// Matrices selects parameters of two axes or more: weights, but neither biases
// nor the gains of normalisations, which are better not decayed.
func Matrices(p *tensor.Param) bool { return len(p.Dims()) >= 2 }

// Named selects parameters whose name matches one of the patterns of
// path.Match, where * stands for any run of characters: Named("encoder.*",
// "*.bias"). A malformed pattern panics.
func Named(patterns ...string) Filter {
	for _, pat := range patterns {
		if _, err := path.Match(pat, ""); err != nil {
			panic(fmt.Sprintf("optim: Named: the pattern %q is malformed", pat))
		}
	}
	return func(p *tensor.Param) bool {
		for _, pat := range patterns {
			if ok, _ := path.Match(pat, p.Name); ok {
				return true
			}
		}
		return false
	}
}

// Not selects what f does not.
func Not(f Filter) Filter { return func(p *tensor.Param) bool { return !f(p) } }

func selected(p *tensor.Param, filters []Filter) bool {
	for _, f := range filters {
		if !f(p) {
			return false
		}
	}
	return true
}
