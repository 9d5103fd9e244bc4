//go:build unix

package browser_test

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"descent/notebooks/internal/browser"
	"descent/notebooks/internal/nb"
	"descent/notebooks/internal/setup"
	"descent/notebooks/internal/site"
)

// The exported site, opened from a file: the first page says where to begin,
// the search shows what a reader reads, and a slider moves in the place of its
// still.
func TestSite(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: installs Sphinx and starts a browser")
	}
	chromium := findChromium(t)
	with, err := setup.PrepareSite(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	const book = "../.."
	start, err := nb.Read(filepath.Join(book, "00-start-here.ipynb"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := start.Contents()
	if err != nil {
		t.Fatal(err)
	}
	var chapters []nb.Chapter
	var books []*nb.Notebook
	for _, c := range all {
		if !slices.Contains([]string{"00-start-here.ipynb", "03-gradient-descent.ipynb", "05-linear-model.ipynb"}, c.File) {
			continue
		}
		n, err := nb.Read(filepath.Join(book, c.File))
		if err != nil {
			t.Fatal(err)
		}
		chapters, books = append(chapters, c), append(books, n)
	}
	dir := filepath.Join(t.TempDir(), "site")
	if err := site.Write(t.Context(), with, chapters, books, dir); err != nil {
		t.Fatal(err)
	}
	address := func(page, query string) string {
		return (&url.URL{Scheme: "file", Path: filepath.Join(dir, page), RawQuery: query}).String()
	}
	page, err := browser.Open(t.Context(), chromium, t.TempDir(), address("index.html", ""), windowWidth, windowHeight)
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	var first struct {
		Text    string
		Picture bool
	}
	if err := page.Loaded(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := page.Eval(t.Context(), `return { text: document.querySelector("article").innerText, picture: document.querySelector("article img").naturalWidth > 0 };`, &first); err != nil {
		t.Fatal(err)
	}
	if !first.Picture || !strings.Contains(first.Text, "Where to begin") || !strings.Contains(first.Text, " min") {
		t.Errorf("the first page lacks its picture (%t), where to begin, or reading times:\n%s", first.Picture, first.Text)
	}

	type result struct {
		Link, Context string
		Marked, Code  bool
	}
	for query, code := range map[string]bool{"learning rate": false, "condition number": false, "算法优缺点": false, "func descend": true} {
		if err := page.Go(t.Context(), address("search.html", "q="+url.QueryEscape(query))); err != nil {
			t.Fatal(err)
		}
		var found []result
		if err := page.Eval(t.Context(), `
			for (let i = 0; i < 2400 && !document.querySelector("ul.search li"); i++) await new Promise(r => setTimeout(r, 50));
			return [...document.querySelectorAll("ul.search li")].map(li => ({ link: li.querySelector("a").textContent,
			context: li.querySelector(".context").textContent, marked: !!li.querySelector("mark"), code: !!li.querySelector("code") }));`, &found); err != nil {
			t.Fatal(err)
		}
		prose := 0
		for _, r := range found {
			if r.Code {
				continue
			}
			prose++
			if strings.ContainsAny(r.Context, "$\\`|") || strings.Contains(r.Context, "**") || strings.Contains(r.Context, "](") {
				t.Errorf("%s: the excerpt of %s is not clean: %s", query, r.Link, r.Context)
			}
		}
		if len(found) == 0 || (prose == 0) != code || code && !found[0].Marked {
			t.Errorf("%s: found %+v", query, found)
		}
	}

	if err := page.Go(t.Context(), address("05-linear-model.html", "")); err != nil {
		t.Fatal(err)
	}
	var slider struct {
		Before, After string
		Twins         int
	}
	if err := page.Eval(t.Context(), `
		const box = document.querySelector('[class^="mlkit-slider-"]');
		const seen = () => box.innerText + [...box.querySelectorAll("img")].map(i => getComputedStyle(i).visibility[0]).join("");
		const before = seen(), range = box.querySelector("input");
		box.closest(".cell").scrollIntoView();
		const still = box.closest(".cell_output").querySelector(":scope > .output img");
		for (let i = 0; i < 2400 && still.getBoundingClientRect().width > 0; i++) await new Promise(r => setTimeout(r, 50)); // it is loaded when scrolled to
		range.value = +range.max; range.dispatchEvent(new Event("input"));
		return { before, after: seen(), twins: [still].filter(i => i.getBoundingClientRect().width > 0).length };`, &slider); err != nil {
		t.Fatal(err)
	}
	if slider.Before == slider.After || slider.Twins > 0 {
		t.Errorf("the slider does not move, or its still is beside it: %+v", slider)
	}

	if err := page.Go(t.Context(), address("03-gradient-descent.html", "")); err != nil {
		t.Fatal(err)
	}
	if err := page.Eval(t.Context(), `
		const box = document.querySelector('[class^="mlkit-drag-"]'), seen = () => box.querySelector("output").textContent;
		const before = seen(), start = box.querySelector("[role=slider]"), still = box.closest(".cell_output").querySelector(":scope > .output img");
		box.closest(".cell").scrollIntoView();
		for (let i = 0; i < 2400 && still.getBoundingClientRect().width > 0; i++) await new Promise(r => setTimeout(r, 50));
		start.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
		return { before, after: seen(), twins: [still].filter(i => i.getBoundingClientRect().width > 0).length };`, &slider); err != nil {
		t.Fatal(err)
	}
	if slider.Before == slider.After || slider.Twins > 0 {
		t.Errorf("the figure to drag does not move, or its still is beside it: %+v", slider)
	}
	screenshot(t.Context(), t, page, "site-drag")
}
