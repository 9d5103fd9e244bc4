package show

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
)

// residual is a graph with an edge that crosses layers, a parameter used twice
// and two ways to the loss.
func residual() *Diagram {
	return Graph("A residual block").Box("x", "x").Op("c1", "W_{1}·").Op("r", "ReLU").Op("c2", "W_{2}·").Op("a", "+").
		Box("w1", "W_{1}", Color(0)).Box("w2", "W_{2}", Color(0)).Op("reg", "‖·‖²").Op("sum", "+").Box("L", "loss", Color(1)).
		Edge("x", "c1").Edge("w1", "c1").Edge("c1", "r").Edge("r", "c2").Edge("w2", "c2").Edge("c2", "a").Edge("x", "a", "skip").
		Edge("w1", "reg").Edge("w2", "reg").Edge("a", "sum").Edge("reg", "sum", "λ", "1").Edge("sum", "L")
}

func random(n int) *Diagram {
	r, d := rand.New(rand.NewPCG(3, 4)), Graph("random")
	for i := range n {
		d.Box(fmt.Sprint(i), strings.Repeat("m", 1+r.IntN(8)))
		for range min(i, 2) {
			d.Edge(fmt.Sprint(r.IntN(i)), fmt.Sprint(i), "0.5", "−1")
		}
	}
	return d
}

// All arrows run to the right, no two nodes overlap, and everything lies on the
// picture.
func TestGraphLayout(t *testing.T) {
	for _, d := range []*Diagram{residual(), random(40), Graph("one").Box("a", "a"), Graph("apart").Box("a", "a").Box("b", "b").Op("c", "c")} {
		if _, err := d.Image(); err != nil {
			t.Errorf("%s: %v", d.title, err)
		}
		for _, e := range d.edges {
			if e.from.x+e.from.w/2 >= e.to.x-e.to.w/2 {
				t.Errorf("%s: the edge %s → %s does not run to the right", d.title, e.from.id, e.to.id)
			}
		}
		for i, a := range d.nodes {
			for _, b := range d.nodes[:i] {
				if math.Abs(float64(a.x-b.x)) < float64(a.w+b.w)/2 && math.Abs(float64(a.y-b.y)) < float64(a.h+b.h)/2 {
					t.Errorf("%s: %s and %s overlap", d.title, a.id, b.id)
				}
			}
			if a.x < a.w/2-0.01 || a.y < a.h/2-0.01 || a.x+a.w/2 > vg.Length(d.w) || a.y+a.h/2 > vg.Length(d.h) {
				t.Errorf("%s: %s at %v,%v is outside of %d×%d", d.title, a.id, a.x, a.y, d.w, d.h)
			}
		}
	}
	// A node stands at the mean of its neighbours where nothing is in the way.
	d := Graph("").Box("a", "a").Box("b", "b").Box("c", "c").Edge("a", "c").Edge("b", "c")
	if a, b, c := d.byID["a"], d.byID["b"], d.byID["c"]; math.Abs(float64(c.y-(a.y+b.y)/2)) > 0.1 {
		t.Errorf("c at %v, between %v and %v", c.y, a.y, b.y)
	}
	// In a panel it is smaller, and still legible or an error.
	if _, err := Panels("", 2, residual(), residual()).Image(); err != nil {
		t.Error(err)
	}
}

// Without crossings where there need be none: two chains stay apart whatever
// the order in which their nodes were added.
func TestGraphOrder(t *testing.T) {
	d := Graph("").Box("a1", "a").Box("b1", "b").Box("b2", "b").Box("a2", "a").Box("a3", "a").Box("b3", "b").
		Edge("a1", "a2").Edge("a2", "a3").Edge("b1", "b2").Edge("b2", "b3")
	above := d.byID["a1"].y < d.byID["b1"].y
	for _, k := range []string{"2", "3"} {
		if (d.byID["a"+k].y < d.byID["b"+k].y) != above {
			t.Errorf("the chains cross at %s", k)
		}
	}
}

func TestDiagramMistakes(t *testing.T) {
	for want, d := range map[string]Drawing{
		`two nodes "a"`:                     Graph("").Box("a", "").Op("a", ""),
		`there is no node "b"; add it`:      Graph("").Box("a", "").Edge("a", "b"),
		`form a circle: a → b → a`:          Graph("").Box("a", "").Box("b", "").Edge("a", "b").Edge("b", "a"),
		`form a circle: a → a`:              Graph("").Box("a", "").Edge("a", "a"),
		`3 texts`:                           Graph("").Box("a", "").Box("b", "").Edge("a", "b", "", "", ""),
		`a graph without nodes`:             Graph(""),
		`give it a larger Size`:             random(60).Size(100, 100),
		`a network without layers`:          Network(""),
		`layer 1 ("h") has 0 units`:         Network("", NetworkLayer{Units: 1}, NetworkLayer{Name: "h"}),
		`layer 0 (""): 1 labels for 2 unit`: Network("", NetworkLayer{Units: 2, Label: []string{"x"}}),
	} {
		if _, err := d.picture().PNG(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestDiagramDescribe(t *testing.T) {
	d := Graph("").Box("x", "x = 2").Op("f", "( )²").Box("L", "L").Edge("x", "f", "2", "∂L/∂x = 4").Edge("f", "L")
	if got, want := d.Describe(), "a graph of 3 nodes. x = 2 → ( )² (2; ∂L/∂x = 4), ( )² → L."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	n := Network("MLP", NetworkLayer{"in\npixels", 784, nil}, NetworkLayer{Units: 10})
	if got, want := n.Describe(), "MLP: a network of 2 fully connected layers of units: in pixels 784, 10."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestShownUnits(t *testing.T) {
	if s := shownUnits(10); len(s) != 10 {
		t.Errorf("%v", s)
	}
	if s := fmt.Sprint(shownUnits(784)); s != "[0 1 2 3 -1 780 781 782 783]" {
		t.Errorf("%v", s)
	}
}
