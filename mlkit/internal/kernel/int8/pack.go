package int8

import "fmt"

// Columns is how many columns a panel of packed weights has.
const Columns = 16

// Slack is how many bytes must follow the last row of the activations: their
// values do not matter.
const Slack = 3

// MaxK is the longest row whose sum cannot overflow 32 bits.
const MaxK = (1<<31 - 1) / (255 * 127)

// Weights are packed for products, see [Pack].
type Weights struct {
	// N is the number of columns of the product; a row of activations is
	// Segments pieces of Length bytes.
	N, Segments, Length int

	groups int    // fours in a piece
	panels []int8 // [panel][segment][group][column][4]
	// sums are those of each column, over all k; zeros beyond N.
	sums []int32
}

// Pack packs the weights of N columns: w[n] is a column of segments·length
// numbers from −127 to 127, piece by piece. It panics where w has another size,
// a number is −128 or a column is longer than [MaxK].
func Pack(w []int8, n, segments, length int) *Weights {
	k := segments * length
	if n < 1 || segments < 1 || length < 1 || len(w) != n*k || k > MaxK {
		panic(fmt.Sprintf("kernel: Pack of %d weights: want %d columns of %d pieces of %d, of at most %d in all", len(w), n, segments, length, MaxK))
	}
	p := &Weights{N: n, Segments: segments, Length: length, groups: (length + 3) / 4}
	count := (n + Columns - 1) / Columns
	p.panels = make([]int8, count*p.panel())
	p.sums = make([]int32, count*Columns)
	for c := range n {
		for i, v := range w[c*k : (c+1)*k] {
			if v == -128 {
				panic(fmt.Sprintf("kernel: Pack: weight %d of column %d is -128", i, c))
			}
			s, l := i/length, i%length
			p.panels[c/Columns*p.panel()+((s*p.groups+l/4)*Columns+c%Columns)*4+l%4] = v
			p.sums[c] += int32(v)
		}
	}
	return p
}

// Unpack is what was packed: [n, segments·length].
func (p *Weights) Unpack() []int8 {
	k := p.Segments * p.Length
	w := make([]int8, p.N*k)
	for c := range p.N {
		for i := range k {
			s, l := i/p.Length, i%p.Length
			w[c*k+i] = p.panels[c/Columns*p.panel()+((s*p.groups+l/4)*Columns+c%Columns)*4+l%4]
		}
	}
	return w
}

// panel is the number of bytes of a panel.
func (p *Weights) panel() int { return p.Segments * p.groups * 4 * Columns }

// Padded is N, filled up to whole panels.
func (p *Weights) Padded() int { return len(p.sums) }

// Bytes is the memory that the weights take.
func (p *Weights) Bytes() int { return len(p.panels) + 4*len(p.sums) }

// Sums are the sums of the columns, zeros beyond N: an activation's zero point
// times them is what a product has too much.
func (p *Weights) Sums() []int32 { return p.sums }
