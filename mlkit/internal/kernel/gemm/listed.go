package gemm

import "descent/mlkit/internal/kernel/cpu"

// Listed describes a product C = A·B + Bias for an A that is never in memory as
// a matrix: element k of a row is At[k] behind where the row begins. It is what
// a window sees that slides over an image, row after row: Runs runs of Each
// rows, whose places are Step apart in a run, and the runs Apart. Elements are
// the chains of [Gemm].
type Listed struct {
	Runs, Each  int
	Apart, Step int
	At          []int
	Far         int // the largest of At
	N           int
	LDB, LDC    int       // distances between the rows of B and of C
	Bias        []float32 // length N, added to every row; nil for none
}

// CanList tells whether Listed is the way to go for rows of k elements.
func CanList(k int) bool { return TileShapes[cpu.Current].listed && k <= longK }

// Run computes c, on the calling goroutine. It panics if a slice is too short.
func (l *Listed) Run(c, a, b []float32) {
	depth := len(l.At)
	if l.Runs == 0 || l.Each == 0 || l.N == 0 || depth == 0 {
		panic("kernel: Listed: an empty product")
	}
	_, _ = a[(l.Runs-1)*l.Apart+(l.Each-1)*l.Step+l.Far], b[(depth-1)*l.LDB+l.N-1]
	_ = c[(l.Runs*l.Each-1)*l.LDC+l.N-1]
	s := &TileShapes[cpu.Current]
	t := tiles{ldb: l.LDB, ldc: l.LDC, rsA: l.Step}
	blocks := (depth + transKC - 1) / transKC
	kc := (depth + blocks - 1) / blocks
	for k := 0; k < depth; k += kc {
		t.k = min(kc, depth-k)
		t.at = l.At[k : k+t.k]
		t.flags = 0
		if k > 0 {
			t.flags = flagLoad
		}
		if k+t.k == depth && l.Bias != nil {
			t.flags |= flagBias
		}
		for j := 0; j < l.N; {
			width := s.panelWidth(l.Each, l.N-j)
			t.panel(s, width)
			t.b = b[k*l.LDB+j:]
			if l.Bias != nil {
				t.bias = l.Bias[j:l.N]
			}
			for r := range l.Runs {
				t.a, t.c = a[r*l.Apart:], c[r*l.Each*l.LDC+j:]
				t.column(s, l.Each, false)
			}
			j += width
		}
	}
}
