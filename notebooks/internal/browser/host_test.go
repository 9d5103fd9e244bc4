//go:build unix

package browser_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"descent/notebooks/internal/browser"
	"descent/notebooks/internal/nb"
)

// hosted makes of nbconvert's page, which is filled in, what a code host shows:
// of text and HTML that come from the notebook only the elements, attributes
// and protocols that GitHub's published list lets through (html-pipeline's
// sanitization filter). Pictures from elsewhere, such as badges, are left out:
// there may be no network. Nothing of the page runs: it is parsed apart, and
// comes back as text.
const hosted = `
	const elements = new Set(("h1 h2 h3 h4 h5 h6 br b i strong em a pre code img tt div ins del sup sub p picture ol ul table thead tbody tfoot blockquote dl dt dd kbd q " +
		"samp var hr ruby rt rp li tr td th s strike summary details caption figure figcaption abbr bdo cite dfn mark small source span time wbr").split(" "));
	const attributes = new Set(("align alt axis border cellpadding cellspacing char charoff cite colspan compact coords datetime dir headers height href hspace lang " +
		"longdesc name open rowspan rules scope shape size span src start summary tabindex title type valign value width itemprop loading").split(" "));
	const page = new DOMParser().parseFromString(%s, "text/html");
	const allowed = value => { try { return /^(https?|mailto|file):$/.test(new URL(value, "file:///").protocol); } catch { return false; } };
	const clean = node => {
		for (const child of [...node.children]) {
			if (["SCRIPT", "STYLE"].includes(child.tagName)) { child.remove(); continue; }
			clean(child);
			if (!elements.has(child.localName)) { child.replaceWith(...child.childNodes); continue; }
			for (const { name, value } of [...child.attributes])
				if (!attributes.has(name) || ["src", "href"].includes(name) && !allowed(value)) child.removeAttribute(name);
		}
	};
	page.querySelectorAll(".jp-RenderedHTMLCommon, .jp-RenderedHTML").forEach(clean);
	page.querySelectorAll("script, link, .anchor-link, img[src^='https:']").forEach(n => n.remove());
	const base = page.createElement("base");
	base.href = %q;
	page.head.prepend(base);
	return "<!doctype html>" + page.documentElement.outerHTML;
`

// lookHosted returns what a reader of the code host sees.
const lookHosted = `
	const shown = img => img.complete && img.naturalWidth > 0 && img.getBoundingClientRect().width > 0;
	await Promise.all([...document.images].map(i => i.decode().catch(() => {})));
	const sliders = [...document.querySelectorAll(".jp-OutputArea-child")].filter(o => o.textContent.includes(%q));
	return {
		inText: [...document.querySelectorAll(".jp-RenderedMarkdown img")].filter(shown).length,
		outputs: [...document.querySelectorAll(".jp-RenderedImage img")].filter(shown).length,
		broken: [...document.images].filter(i => !shown(i)).map(i => i.src.slice(0, 80)),
		charts: document.querySelectorAll(".jp-Mermaid, pre.mermaid, code.language-mermaid").length,
		sliders: sliders.length,
		stills: sliders.filter(s => s.previousElementSibling && shown(s.previousElementSibling.querySelector("img") || new Image())).length,
		empty: [...document.querySelectorAll(".jp-OutputArea-output.jp-RenderedHTMLCommon")].filter(o => !o.textContent.trim() && !o.querySelector("img")).length,
		code: document.body.innerText.includes("querySelector"),
		height: document.documentElement.scrollHeight,
	};
`

// standsStill begins what a slider says where its script does not run.
const standsStill = "This picture stands still here"

// On a code host, which runs no script and drops styles, each notebook shows
// its pictures: those in the text, those of its cells, charts, and a still for
// each slider.
func TestOnACodeHost(t *testing.T) {
	t.Parallel()
	env, book, paths := shelf(t)
	chromium := findChromium(t)
	folder := t.TempDir()
	convert := exec.CommandContext(t.Context(), env.Python, append([]string{"-m", "nbconvert", "--log-level=ERROR", "--to", "html", "--output-dir", folder}, paths...)...)
	convert.Env = env.Environ(nil)
	if out, err := convert.CombinedOutput(); err != nil {
		t.Fatalf("nbconvert: %v\n%s", err, out)
	}
	page, err := browser.Open(t.Context(), chromium, t.TempDir(), "about:blank", windowWidth, windowHeight)
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	base := (&url.URL{Scheme: "file", Path: book + "/"}).String()
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".ipynb")
		t.Run(name, func(t *testing.T) {
			n, err := nb.Read(path)
			if err != nil {
				t.Fatal(err)
			}
			want, sliders := expectations(n), 0
			for _, c := range n.Cells() {
				for _, o := range c.Outputs() {
					if strings.Contains(o.Data("text/html"), `<div class="mlkit-`) {
						sliders++
					}
				}
			}
			file := filepath.Join(folder, name+".html")
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			quoted, err := json.Marshal(string(text))
			if err != nil {
				t.Fatal(err)
			}
			var clean string
			if err := page.Eval(t.Context(), fmt.Sprintf(hosted, quoted, base), &clean); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(clean), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := page.Go(t.Context(), (&url.URL{Scheme: "file", Path: file}).String()); err != nil {
				t.Fatal(err)
			}
			var seen struct {
				InText, Outputs, Charts, Sliders, Stills, Empty, Height int
				Broken                                                  []string
				Code                                                    bool
			}
			if err := page.Eval(t.Context(), fmt.Sprintf(lookHosted, standsStill), &seen); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d pictures in the text, %d of cells, %d sliders", seen.InText, seen.Outputs, seen.Sliders)
			if seen.InText != want.charts || seen.Outputs != want.images || len(seen.Broken) > 0 {
				t.Errorf("%d pictures in the text and %d of cells, want %d and %d; not to be seen: %q", seen.InText, seen.Outputs, want.charts, want.images, seen.Broken)
			}
			if seen.Charts > 0 {
				t.Errorf("%d charts are raw text", seen.Charts)
			}
			if seen.Sliders != sliders || seen.Stills != sliders {
				t.Errorf("of %d sliders %d say where they move and %d have a still before them", sliders, seen.Sliders, seen.Stills)
			}
			if seen.Empty > 0 {
				t.Errorf("%d outputs show nothing", seen.Empty)
			}
			if seen.Code {
				t.Error("a script is to be read as text")
			}
			if dir := os.Getenv(screenshotsVar); dir != "" {
				shot, err := page.Part(t.Context(), windowWidth, min(seen.Height, tallest), 1)
				if err == nil {
					err = os.WriteFile(filepath.Join(dir, name+"-on-a-host.png"), shot, 0o644)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
}
