package site

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"descent/notebooks/internal/nb"
	"descent/notebooks/internal/setup"
)

// pixel is a PNG of one pixel.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// book has a page with all that the site treats in a way of its own. A line of
// a megabyte and progress that writes over itself are in it because MyST-NB's
// folding of streams does not come to an end with them.
func book(t *testing.T) *nb.Notebook {
	t.Helper()
	n, err := nb.Parse([]byte(`{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [
		{"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# 9 · Title · 标题\n\nIntroduction with $x^2$.\n\n## 9.1 Overfitting · 过拟合\n\nText.\n\n` +
		"![A leads to B](images/charts/ab.png)\\n\\n```go\\n# no heading\\n```" + `"},
		{"cell_type": "code", "id": "b", "metadata": {}, "execution_count": 1, "source": "fmt.Println(1)", "outputs": [
			{"output_type": "display_data", "metadata": {"alt": "a \"curve\" <b>", "image/png": {"width": 640, "height": 400}}, "data": {"image/png": "` + pixel + `", "text/plain": "a curve"}},
			{"output_type": "stream", "name": "stdout", "text": "0 %\r50 %\r"},
			{"output_type": "stream", "name": "stdout", "text": "100 %\n` + strings.Repeat("0.12345 ", 1<<17) + `1\n"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	n.Path = filepath.Join(t.TempDir(), "09-title.ipynb")
	picture, err := base64.StdEncoding.DecodeString(pixel)
	if err != nil {
		t.Fatal(err)
	}
	charts := filepath.Join(filepath.Dir(n.Path), "images", "charts")
	if err := errors.Join(os.MkdirAll(charts, 0o755), os.WriteFile(filepath.Join(charts, "..", "cover.png"), picture, 0o644), os.WriteFile(filepath.Join(charts, "ab.png"), picture, 0o644)); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSectionsAreCutAtHeadings(t *testing.T) {
	got := sections(book(t))
	if len(got) != 2 {
		t.Fatalf("%d sections, want 2: %+v", len(got), got)
	}
	if s := got[0]; s.Page != "09-title" || s.Title != "9 · Title · 标题" || s.Text != "Introduction with x²." {
		t.Errorf("first section %+v", s)
	}
	if s := got[1]; s.Heading != "9.1 Overfitting · 过拟合" || s.Title != "9 · Title · 标题" || s.Text != "Text. A leads to B" || s.Code != "# no heading\nfmt.Println(1)\n" {
		t.Errorf("second section %+v", s)
	}
}

func TestPicturesBecomeFiles(t *testing.T) {
	dir, n := t.TempDir(), book(t)
	if err := writePage(n, dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "_static", "pictures", "09-title-2-1.png")); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "09-title.ipynb"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`alt=\"a &#34;curve&#34; <b>\"`, `width=\"640\" height=\"400\"`} {
		if !strings.Contains(strings.ReplaceAll(strings.ReplaceAll(string(text), "&lt;", "<"), "&gt;", ">"), want) {
			t.Errorf("the page lacks %s:\n%s", want, text)
		}
	}
	if n.Cells()[1].Outputs()[0].Data("image/png") == "" {
		t.Error("the notebook itself was changed")
	}
}

func TestOtherPeoplesFoldersAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(t.Context(), setup.Site{}, nil, nil, dir); err == nil || !strings.Contains(err.Error(), "choose another folder") {
		t.Errorf("writing over a folder with something else in it: %v", err)
	}
}

func TestWrite(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: installs Sphinx")
	}
	with, err := setup.PrepareSite(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "site")
	b := book(t)
	chapters := []nb.Chapter{{File: "09-title.ipynb", Title: "Start · 开始"},
		{File: "09-title.ipynb", Title: "9 Title", Columns: map[string]string{"about": "what it is about", "to read": "17 min"}}}
	for range 2 { // a site of ours may be written again
		if err := Write(t.Context(), with, chapters, []*nb.Notebook{b, b}, dir); err != nil {
			t.Fatal(err)
		}
	}
	for file, wants := range map[string][]string{
		"09-title.html": {`src="_images/ab.png"`, `alt="A leads to B"`, `src="_static/pictures/09-title-2-1.png"`, `alt="a`, "过拟合",
			`class="math notranslate`, "tex-svg.js", `href="index.html"`, ">100 %\n0.12345 0.12345"},
		"index.html":                        {`href="09-title.html"`, "Where to begin", "what it is about", "17 min", `alt="A loss surface`},
		"search.html":                       {"index.js", "book.js"},
		"_static/index.js":                  {"过拟合"},
		".nojekyll":                         {""}, // GitHub Pages would leave out what begins with _
		"_images/ab.png":                    {"PNG"},
		"_static/tex-svg.js":                {"MathJax"},
		"_static/pictures/09-title-2-1.png": {"PNG"},
	} {
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, want := range wants {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s lacks %q", file, want)
			}
		}
		if strings.HasSuffix(file, ".html") && strings.Contains(string(text), `src="http`) {
			t.Errorf("%s loads something from the network", file)
		}
	}
}
