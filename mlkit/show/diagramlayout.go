package show

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// layout gives each node its place, in the steps of Sugiyama, Tagawa and Toda
// ("Methods for visual understanding of hierarchical system structures", 1981):
// layers by the longest path, an order in each layer that follows the
// neighbours, then heights as near to the neighbours' as the order allows. It
// sets the size of the picture.
func (d *Diagram) layout() {
	if d.check() != nil {
		return // painting reports it
	}
	sty := textStyle(labelSize, ink, draw.XCenter, draw.YCenter)
	for _, n := range d.nodes {
		n.lines = strings.Split(n.label, "\n")
		n.w, n.h = 34, lineHeight(sty)*vg.Length(len(n.lines))+14
		for _, l := range n.lines {
			n.w = max(n.w, sty.Width(l)+20)
		}
		if n.op {
			n.w = max(n.w-6, n.h)
			n.h = n.w
		}
	}
	layers := d.layers()
	d.order(layers)
	d.place(layers)
	w, h := d.extent()
	d.w = min(max(int(w)+2*margin+1, 240), 4096)
	d.h = int(h) + 2*margin + 1
	if d.title != "" {
		title := bold(textStyle(titleSize, ink, draw.XLeft, draw.YTop))
		d.h += int(lineHeight(title))*len(wrapAll(d.title, title, vg.Length(d.w-2*margin))) + 5
	}
	d.h = min(max(d.h, 60), 4096)
}

// extent is the width and height that the nodes take.
func (d *Diagram) extent() (w, h vg.Length) {
	for _, n := range d.nodes {
		w, h = max(w, n.x+n.w/2), max(h, n.y+n.h/2)
	}
	for _, e := range d.edges {
		for _, v := range e.via {
			h = max(h, v.y+v.h/2)
		}
	}
	return w, h
}

// circle returns an error if edges lead back to where they came from.
func (d *Diagram) circle() error {
	const open, done = 1, 2
	state := map[*node]int{}
	var path []string
	var visit func(n *node) error
	visit = func(n *node) error {
		path = append(path, n.id)
		switch state[n] {
		case open:
			return fmt.Errorf("the edges form a circle: %s", strings.Join(path[slices.Index(path, n.id):], " → "))
		case done:
			path = path[:len(path)-1]
			return nil
		}
		state[n] = open
		for _, e := range n.out {
			if err := visit(e.to); err != nil {
				return err
			}
		}
		state[n] = done
		path = path[:len(path)-1]
		return nil
	}
	for _, n := range d.nodes {
		if err := visit(n); err != nil {
			return err
		}
	}
	return nil
}

// layers puts each node behind all that lead to it, inputs just before what
// they lead to, and a stand-in of each edge into the layers that it crosses.
func (d *Diagram) layers() [][]*node {
	depth := map[*node]int{}
	var deepest func(n *node) int
	deepest = func(n *node) int {
		if v, known := depth[n]; known {
			return v
		}
		v := 0
		for _, e := range n.in {
			v = max(v, deepest(e.from)+1)
		}
		depth[n] = v
		return v
	}
	count := 0
	for _, n := range d.nodes {
		n.layer = deepest(n)
		count = max(count, n.layer+1)
	}
	for _, n := range d.nodes {
		if len(n.in) == 0 && len(n.out) > 0 {
			n.layer = count
			for _, e := range n.out {
				n.layer = min(n.layer, e.to.layer-1)
			}
		}
	}
	layers := make([][]*node, count)
	for _, n := range d.nodes {
		layers[n.layer] = append(layers[n.layer], n)
	}
	for _, e := range d.edges {
		e.via = nil
		for k := e.from.layer + 1; k < e.to.layer; k++ {
			v := &node{layer: k, h: 24}
			e.via = append(e.via, v)
			layers[k] = append(layers[k], v)
		}
	}
	return layers
}

// neighbours returns for each node, stand-ins included, those that it is joined
// with in the layer before and in the layer behind.
func (d *Diagram) neighbours() (before, behind map[*node][]*node) {
	before, behind = map[*node][]*node{}, map[*node][]*node{}
	for _, e := range d.edges {
		chain := slices.Concat([]*node{e.from}, e.via, []*node{e.to})
		for i := range chain[1:] {
			behind[chain[i]] = append(behind[chain[i]], chain[i+1])
			before[chain[i+1]] = append(before[chain[i+1]], chain[i])
		}
	}
	return before, behind
}

// order sorts each layer by the mean position of the neighbours, forwards and
// backwards in turn.
func (d *Diagram) order(layers [][]*node) {
	before, behind := d.neighbours()
	position := map[*node]float64{}
	number := func(layer []*node) {
		for i, n := range layer {
			position[n] = float64(i) - float64(len(layer)-1)/2
		}
	}
	for _, l := range layers {
		number(l)
	}
	sweep := func(layer []*node, near map[*node][]*node) {
		mean := map[*node]float64{}
		for _, n := range layer {
			mean[n] = position[n]
			if len(near[n]) > 0 {
				mean[n] = 0
				for _, m := range near[n] {
					mean[n] += position[m] / float64(len(near[n]))
				}
			}
		}
		slices.SortStableFunc(layer, func(a, b *node) int { return cmp.Compare(mean[a], mean[b]) })
		number(layer)
	}
	for range 8 {
		for _, l := range slices.Backward(layers) {
			sweep(l, behind)
		}
		for _, l := range layers {
			sweep(l, before)
		}
	}
}

// place sets coordinates: columns as wide as their nodes, gaps as wide as the
// texts of the edges in them.
func (d *Diagram) place(layers [][]*node) {
	before, behind := d.neighbours()
	gap := make([]vg.Length, len(layers))
	for _, e := range d.edges {
		k := e.from.layer + len(e.via)/2 // where its text stands
		for _, s := range []string{e.label, e.gradient} {
			if s != "" {
				gap[k] = max(gap[k], textStyle(tickSize, ink, 0, 0).Width(s)*1.25+22, 56)
			}
		}
	}
	x := vg.Length(0)
	for k, l := range layers {
		width := vg.Length(0)
		for _, n := range l {
			width = max(width, n.w)
		}
		for _, n := range l {
			n.x = x + width/2
		}
		x += width + max(gap[k], 40)
	}
	room := func(a, b *node) vg.Length {
		return (a.h+b.h)/2 + max(textRoom(a), textRoom(b))
	}
	for _, l := range layers {
		settle(l, make([]vg.Length, len(l)), room)
	}
	for range 30 {
		for _, l := range layers {
			want := make([]vg.Length, len(l))
			for i, n := range l {
				near := slices.Concat(before[n], behind[n])
				want[i] = n.y
				if len(near) > 0 {
					want[i] = 0
					for _, m := range near {
						want[i] += m.y / vg.Length(len(near))
					}
				}
			}
			settle(l, want, room)
		}
	}
	top := vg.Length(0)
	for i, l := range layers {
		for j, n := range l {
			if y := n.y - n.h/2; i == 0 && j == 0 || y < top {
				top = y
			}
		}
	}
	for _, l := range layers {
		for _, n := range l {
			n.y -= top
		}
	}
}

// textRoom is the space beside a node that keeps the texts of its edges from
// those of the next.
func textRoom(n *node) vg.Length {
	space := vg.Length(18)
	for _, e := range slices.Concat(n.in, n.out) {
		switch {
		case e.label != "" && e.gradient != "":
			space = max(space, 46)
		case e.label+e.gradient != "":
			space = max(space, 30)
		}
	}
	return space
}

// settle sets the heights of a layer as near to want, in the sense of least
// squares, as order and room allow: isotonic regression by pooling adjacent
// violators.
func settle(layer []*node, want []vg.Length, room func(a, b *node) vg.Length) {
	type block struct {
		sum  vg.Length
		size int
	}
	offset := make([]vg.Length, len(layer))
	var blocks []block
	for i := range layer {
		if i > 0 {
			offset[i] = offset[i-1] + room(layer[i-1], layer[i])
		}
		blocks = append(blocks, block{want[i] - offset[i], 1})
		for len(blocks) > 1 {
			a, b := blocks[len(blocks)-2], blocks[len(blocks)-1]
			if a.sum/vg.Length(a.size) <= b.sum/vg.Length(b.size) {
				break
			}
			blocks = append(blocks[:len(blocks)-2], block{a.sum + b.sum, a.size + b.size})
		}
	}
	i := 0
	for _, b := range blocks {
		for range b.size {
			layer[i].y = b.sum/vg.Length(b.size) + offset[i]
			i++
		}
	}
}
