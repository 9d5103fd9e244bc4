package text

import (
	"cmp"
	"container/heap"
	"maps"
	"slices"
)

// TrainBPE learns merges from words, as many as given or fewer: it stops when
// no pair occurs twice. Ties are broken alphabetically. A merge costs no more
// than the words it changes, because the pairs wait in a heap.
func TrainBPE(words []string, merges int) *BPE {
	counts := map[string]int{}
	for _, w := range words {
		counts[w]++
	}
	t := bpeTrainer{pairs: map[[2]string]*pairCount{}, grown: map[*pairCount]bool{}}
	for _, w := range slices.Sorted(maps.Keys(counts)) {
		t.entries = append(t.entries, bpeEntry{letters(w), counts[w]})
		t.count(len(t.entries)-1, counts[w])
		t.note(len(t.entries)-1, "")
	}
	t.queue()
	var learned [][2]string
	for len(learned) < merges {
		best := t.best()
		if best == nil {
			break
		}
		learned = append(learned, best.pair)
		for _, i := range best.words {
			if e := &t.entries[i]; holds(e.parts, best.pair) { // a merge since may have parted it
				t.count(i, -e.count)
				e.parts = join(e.parts, best.pair)
				t.count(i, e.count)
				t.note(i, best.pair[0]+best.pair[1])
			}
		}
		t.queue()
	}
	return NewBPE(learned)
}

// bpeEntry is a word, as it is divided by now, and how often it occurs.
type bpeEntry struct {
	parts []string
	count int
}

// pairCount is a pair of neighbours: how often it occurs, the entries that hold
// it or held it once, and the count with which it waits in the heap.
type pairCount struct {
	pair   [2]string
	count  int
	words  []int
	queued int
}

type bpeTrainer struct {
	entries []bpeEntry
	pairs   map[[2]string]*pairCount
	grown   map[*pairCount]bool // that may have become more frequent
	heap    pairHeap
}

// count adds n to the count of every pair of an entry.
func (t *bpeTrainer) count(i, n int) {
	parts := t.entries[i].parts
	for k := 1; k < len(parts); k++ {
		pair := [2]string{parts[k-1], parts[k]}
		p := t.pairs[pair]
		if p == nil {
			p = &pairCount{pair: pair}
			t.pairs[pair] = p
		}
		p.count += n
	}
}

// note remembers that an entry holds its pairs: of those with the part joined,
// which alone are new to it, or of all ("").
func (t *bpeTrainer) note(i int, joined string) {
	parts := t.entries[i].parts
	for k := 1; k < len(parts); k++ {
		if joined == "" || parts[k-1] == joined || parts[k] == joined {
			p := t.pairs[[2]string{parts[k-1], parts[k]}]
			if n := len(p.words); n == 0 || p.words[n-1] != i {
				p.words = append(p.words, i)
			}
			t.grown[p] = true
		}
	}
}

// queue puts the pairs that have become more frequent into the heap. Others
// wait there already, with a count that is too large, if anything.
func (t *bpeTrainer) queue() {
	for p := range t.grown {
		if p.count > max(p.queued, 1) {
			t.push(p)
		}
	}
	clear(t.grown)
}

func (t *bpeTrainer) push(p *pairCount) {
	p.queued = p.count
	heap.Push(&t.heap, queued{p, p.count})
}

// best takes the most frequent pair out of the heap: nil if none occurs twice.
func (t *bpeTrainer) best() *pairCount {
	for len(t.heap) > 0 {
		q := heap.Pop(&t.heap).(queued)
		switch p := q.of; {
		case q.count != p.queued: // it was put in again
		case q.count == p.count:
			p.queued = 0
			return p
		case p.count > 1:
			t.push(p)
		default:
			p.queued = 0
		}
	}
	return nil
}

// queued is a pair and how often it occurred when it was put into the heap.
type queued struct {
	of    *pairCount
	count int
}

// pairHeap has the most frequent pair on top, of equals the first by the
// alphabet.
type pairHeap []queued

func (h pairHeap) Len() int { return len(h) }
func (h pairHeap) Less(i, j int) bool {
	a, b := h[i].of.pair, h[j].of.pair
	return cmp.Or(h[j].count-h[i].count, cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) < 0
}
func (h pairHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *pairHeap) Push(x any)   { *h = append(*h, x.(queued)) }
func (h *pairHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

func holds(parts []string, pair [2]string) bool {
	for k := 1; k < len(parts); k++ {
		if parts[k-1] == pair[0] && parts[k] == pair[1] {
			return true
		}
	}
	return false
}
