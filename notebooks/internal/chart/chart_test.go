//go:build unix

package chart

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"descent/notebooks/internal/browser"
	"descent/notebooks/internal/nb"
	"descent/notebooks/internal/setup"
)

var update = flag.Bool("update", false, "draw the charts again, for committing")

const (
	book   = "../.."
	folder = book + "/images/charts"
	// drawn has the hash of each text and of the picture that was made from it,
	// as sha256sum writes and checks them.
	drawn = folder + "/drawn.sha256"
)

// texts returns the charts' texts by name.
func texts(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(folder + "/*.mmd")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no charts: %v", err)
	}
	all := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(path), ".mmd")] = string(text)
	}
	return all
}

func drawAll(t *testing.T, texts map[string]string) (map[string][]byte, error) {
	t.Helper()
	chromium := browser.Find()
	if chromium == "" {
		if *update || os.Getenv("DESCENT_REQUIRE_BROWSER") != "" {
			t.Fatal("there is no Chromium on the PATH")
		}
		t.Skip("there is no Chromium on the PATH (on Debian: apt install chromium)")
	}
	with, err := setup.PrepareSite(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	return Draw(t.Context(), chromium, filepath.Join(with.Assets, "mermaid.min.js"), t.TempDir(), texts)
}

// The committed pictures are those of the committed texts, and the book shows
// each. After a change of a text:
//
//	go test ./notebooks/internal/chart -update
func TestCharts(t *testing.T) {
	texts := texts(t)
	if *update {
		pictures, err := drawAll(t, texts)
		if err != nil {
			t.Fatal(err)
		}
		for name, picture := range pictures {
			if err := os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(drawn, []byte(hashes(t, texts)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(drawn)
	if err != nil {
		t.Fatal(err)
	}
	if got := hashes(t, texts); got != string(want) {
		t.Errorf("the charts are not those of %s: draw them with go test ./notebooks/internal/chart -update\n%s\nwant\n%s", drawn, got, want)
	}
	notebooks, err := filepath.Glob(book + "/*.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	var prose strings.Builder
	for _, path := range notebooks {
		n, err := nb.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range n.Cells() {
			prose.WriteString(c.Source())
		}
	}
	pictures, err := filepath.Glob(folder + "/*.png")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range pictures {
		name := strings.TrimSuffix(filepath.Base(path), ".png")
		if _, ok := texts[name]; !ok {
			t.Errorf("%s.png has no text %s.mmd", name, name)
		}
		if !strings.Contains(prose.String(), "(images/charts/"+name+".png)") {
			t.Errorf("no notebook shows the chart %s", name)
		}
	}
}

func hashes(t *testing.T, texts map[string]string) string {
	t.Helper()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		for _, file := range []string{name + ".mmd", name + ".png"} {
			data, err := os.ReadFile(filepath.Join(folder, file))
			if err != nil {
				t.Error(err)
				continue
			}
			fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(data), file)
		}
	}
	return b.String()
}

// The pinned Mermaid draws each text, in the width of the page.
func TestDraw(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: starts a browser")
	}
	texts := texts(t)
	pictures, err := drawAll(t, texts)
	if err != nil {
		t.Fatal(err)
	}
	for name := range texts {
		m, err := png.Decode(bytes.NewReader(pictures[name]))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if w := m.Bounds().Dx(); w != density*Width {
			t.Errorf("%s is %d pixels wide, want %d", name, w, density*Width)
		}
		r, g, b, a := m.At(0, 0).RGBA()
		if r&g&b&a != 0xffff {
			t.Errorf("%s has no white ground, which a dark theme needs", name)
		}
	}
}

func TestDrawMistakes(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: starts a browser")
	}
	long := "graph LR\n" + strings.Repeat("  A --> B\n", 1)
	for i := range 30 {
		long += fmt.Sprintf("  n%d[a label of some length] --> n%d[a label of some length]\n", i, i+1)
	}
	for want, text := range map[string]string{
		"chart bad: in the page": "graph LR\n  A[unclosed --> B",
		"too wide":               long,
		"graph TD), or break its labels with <br": long,
	} {
		if _, err := drawAll(t, map[string]string{"bad": text}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
}
