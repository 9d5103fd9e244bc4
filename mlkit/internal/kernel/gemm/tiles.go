package gemm

import "descent/mlkit/internal/kernel/cpu"

// tiles describes a column of tiles of C: count tiles of rows×width elements,
// one below the other, that share a panel of B. It is the work of one call of
// the innermost kernel, runTilesGo or one of its equals in assembly.
type tiles struct {
	a, b, c        []float32
	bias, biasRows []float32 // of the columns, of the rows
	k              int
	rsA, csA       int   // from one row of A to the next, from one k to the next
	at             []int // of runListed: where each k of a row of A is, in place of csA
	ldb, ldc       int
	rows, vecs     int // rows of a tile; vectors that hold width floats: 1, 2 or 4
	count          int // left to do
	nextA          int // from the A of a tile to that of the next
	width          int
	flags          int
	alpha          float32
	off, row       int // what is done: offset in a, rows
}

// Flags of tiles.
const (
	flagLoad     = 1 << iota // the chains start from what C holds
	flagScale                // multiply by alpha after the last k, then
	flagBias                 // add bias
	flagBiasRows             // add biasRows
	flagReLU
	flagAdd // after flagScale, add what C holds
)

// tileShape is the largest tile at a level of instructions.
type tileShape struct {
	Lanes              int // floats in a vector
	rows, cols         int
	wideRows, wideCols int  // of a tile of four vectors, for few rows
	wideTails          bool // a wide tile may be less than wideCols wide
	transposeRows      int  // rows that transpose takes at once
	fused              bool // multiply-adds round once
	NoWinograd         bool // the transforms are loops in plain Go, the tiles are not
	narrow             int  // columns of a narrow product that keep the units busy; 0: none do
	listed             bool // runListed is as fast as runTiles
}

var TileShapes = [cpu.NumLevels]tileShape{
	cpu.Portable: {Lanes: 64, rows: 4, cols: portableCols, transposeRows: 16, listed: true},
	cpu.AVX2: {Lanes: 8, rows: 6, cols: 16, wideRows: 2, wideCols: 32, transposeRows: 8, fused: true, narrow: 16,
		listed: true},
	cpu.NEON: {Lanes: 4, rows: 8, cols: 12, transposeRows: 16, fused: true, NoWinograd: true, narrow: 4},
	cpu.AVX512: {Lanes: 16, rows: 12, cols: 32, wideRows: 4, wideCols: 64, wideTails: true, transposeRows: 16,
		fused: true, narrow: 16, listed: true},
}

// column computes m rows of C, from the panel of B and the columns of C that
// t describes, in tiles of about equal height: a lone row at the end would be
// bound by the latency of its few chains. If packed, A is as packA leaves it.
func (t *tiles) column(s *tileShape, m int, packed bool) {
	n := (m + s.rows - 1) / s.rows
	rows, more := m/n, m%n
	t.off, t.row = 0, 0
	c := t.c
	if more > 0 {
		t.group(rows+1, more, packed)
		t.c = c[more*(rows+1)*t.ldc:]
	}
	t.group(rows, n-more, packed)
}

func (t *tiles) group(rows, count int, packed bool) {
	t.rows, t.count = rows, count
	t.nextA = rows * t.rsA
	if packed {
		t.rsA, t.csA, t.nextA = 1, rows, rows*t.k
	}
	if t.at != nil {
		runListed(t)
	} else {
		runTiles(t)
	}
}

// panel sets the columns in use.
func (t *tiles) panel(s *tileShape, width int) {
	t.width = width
	switch {
	case width <= s.Lanes:
		t.vecs = 1
	case width <= 2*s.Lanes:
		t.vecs = 2
	default:
		t.vecs = 4
	}
}

// panelWidth returns how many of n columns to do at once for m rows.
func (s *tileShape) panelWidth(m, n int) int {
	if m <= s.wideRows && n > s.cols && (s.wideTails || n >= s.wideCols) {
		return min(n, s.wideCols)
	}
	return min(n, s.cols)
}
