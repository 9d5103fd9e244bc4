package train_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"descent/mlkit/train"
)

func TestBar(t *testing.T) {
	for _, live := range []bool{false, true} {
		var out bytes.Buffer
		b := train.NewBar(&out, "epoch", 3, live)
		for range 3 {
			b.Add(1)
		}
		b.Set(3, "loss 0.12")
		b.Close()
		b.Close()
		s := out.String()
		last := s[strings.LastIndexByte(s, '\r')+1:]
		if last != "epoch: 3/3 · loss 0.12\n" {
			t.Errorf("live %v: the last line is %q", live, last)
		}
		if !live && strings.Contains(s, "\r") {
			t.Errorf("frames in a file: %q", s)
		}
		if live && !strings.Contains(s, "\r") {
			t.Errorf("nothing is updated in place: %q", s)
		}
	}
	train.NewBar(&bytes.Buffer{}, "nothing", 0, true).Close()
}

func TestIsTerminal(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if train.IsTerminal(null) || train.IsTerminal(&bytes.Buffer{}) {
		t.Error("a device or a buffer is taken for a terminal")
	}
}

// A line wider than the terminal would wrap and not be overwritten.
func TestShorten(t *testing.T) {
	for _, c := range []struct {
		in    string
		width int
		want  string
	}{{"epoch 1/3", 12, "epoch 1/3"}, {"training · epoch 1/3 · loss 0.1", 20, "training · epoch 1/…"}, {"训练训练训练训练", 12, "训练训练训…"}, {"training · epoch", -5, "training · …"}} {
		if got := train.Shorten(c.in, c.width); got != c.want {
			t.Errorf("%q in %d columns: %q, want %q", c.in, c.width, got, c.want)
		}
	}
}
