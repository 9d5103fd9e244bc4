package show

import (
	"slices"
	"strings"
)

// describeFigure makes the alternative text: title, kinds and names of what is
// drawn, and the ranges of the axes.
func (f *Figure) describeFigure() string {
	x, y := f.extent()
	var kinds []string
	named := map[string][]string{}
	for _, l := range f.layers {
		if l.kind == "" {
			continue
		}
		if !slices.Contains(kinds, l.kind) {
			kinds = append(kinds, l.kind)
		}
		if l.name != "" && !slices.Contains(named[l.kind], l.name) {
			named[l.kind] = append(named[l.kind], l.name)
		}
	}
	var parts []string
	for _, k := range kinds {
		if n := named[k]; len(n) > 0 {
			k += " (" + strings.Join(n, ", ") + ")"
		}
		parts = append(parts, k)
	}
	if len(parts) == 0 {
		parts = []string{"an empty figure"}
	}
	s := strings.Join(parts, ", ")
	if f.title != "" {
		s = f.title + ": " + s
	}
	side := func(a axis, r [2]float64) string {
		t := a.label
		if t == "" {
			t = "values"
		}
		if r[0] > r[1] {
			return t + " without data"
		}
		t += " from " + short(r[0]) + " to " + short(r[1])
		if a.log {
			t += " (logarithmic)"
		}
		return t
	}
	if f.categories != nil {
		s += "; " + strings.Join(f.categories, ", ")
	} else {
		s += "; " + side(f.x, x)
	}
	s += "; " + side(f.y, y)
	if f.bar != nil {
		s += "; colours"
		if f.bar.label != "" {
			s += " for " + f.bar.label
		}
		s += " from " + short(f.bar.lo) + " to " + short(f.bar.hi)
	}
	return plainText(s + ".")
}
