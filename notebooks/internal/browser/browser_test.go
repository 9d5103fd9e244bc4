//go:build unix

package browser_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"descent/notebooks/internal/browser"
	"descent/notebooks/internal/lab"
	"descent/notebooks/internal/nb"
	"descent/notebooks/internal/setup"
	"descent/notebooks/internal/setup/setuptest"
)

const (
	// screenshotsVar names a folder for pictures of every notebook as the
	// browser shows it. notebooksVar names the notebooks to open, with blanks
	// between them; without it the opening page, the linear model and the
	// sample stand for the book.
	notebooksVar   = "DESCENT_BROWSER_NOTEBOOKS"
	screenshotsVar = "DESCENT_SCREENSHOTS"
	// requireVar turns a missing browser from a reason to skip into a failure.
	requireVar = "DESCENT_REQUIRE_BROWSER"

	windowWidth, windowHeight = 1280, 1000
	timeout                   = 10 * time.Minute // for a notebook
	tallest                   = 16000            // what Chromium paints in one picture
)

// untilOpen waits until the page shows the notebook and its kernel answers.
const untilOpen = `
	while (!(window.jupyterapp && jupyterapp.shell)) await new Promise(r => setTimeout(r, 50));
	await jupyterapp.restored;
	let panel;
	while (!(panel = jupyterapp.shell.currentWidget) || !panel.context) await new Promise(r => setTimeout(r, 50));
	await panel.context.ready;
	await panel.sessionContext.ready;
`

// untilIdle waits until the status bar says, before any cell has run, that the
// kernel may be used.
const untilIdle = untilOpen + `
	const said = () => document.querySelector('#jp-main-statusbar').innerText;
	for (let i = 0; !said().includes('| Idle'); i++) {
		if (i > 6000) throw new Error(said());
		await new Promise(r => setTimeout(r, 50));
	}
`

// runAll runs every cell and saves; false means that a cell failed.
const runAll = untilOpen + `
	const ok = await jupyterapp.commands.execute('notebook:run-all-cells');
	await panel.context.save();
	return ok;
`

// look returns what a reader would see.
const look = untilOpen + `
	// The notebook scrolls inside of its panel: what it lacks is added.
	const windowHeight = node => {
		const scroller = node.querySelector('.jp-WindowedPanel-outer') || node;
		scroller.scrollTop = 0;
		return window.innerHeight + scroller.scrollHeight - scroller.clientHeight;
	};
	const node = panel.content.node;
	const charts = [...node.querySelectorAll('.jp-RenderedMarkdown img')].filter(i => !i.src.startsWith('https:')); // a badge from elsewhere
	const images = [...node.querySelectorAll('.jp-OutputArea img')];
	await Promise.all([...images, ...charts].map(i => i.decode().catch(() => {})));
	return {
		text: node.textContent,
		images: images.filter(i => i.naturalWidth > 0 && i.getBoundingClientRect().width > 0).length,
		broken: [...images, ...charts].filter(i => i.naturalWidth === 0).length,
		formulas: node.querySelectorAll('.jp-RenderedMarkdown mjx-container').length,
		wrongFormulas: node.querySelectorAll('mjx-merror').length,
		charts: charts.filter(i => i.naturalWidth > 0 && i.getBoundingClientRect().width > 0).length,
		dialogs: [...document.querySelectorAll('.jp-Dialog')].map(d => d.textContent),
		height: windowHeight(node),
	};
`

// Notebooks open in JupyterLab as a reader opens them, run, and show their
// pictures, numbers and formulas.
func TestBrowser(t *testing.T) {
	t.Parallel() // it waits for gopls
	env, book, paths := shelf(t)
	chromium := findChromium(t)
	paths = append(paths, filepath.Join(book, "internal", "testdata", "sample.ipynb"))
	names := strings.Fields(os.Getenv(notebooksVar))
	if len(names) == 0 {
		names = []string{"00-start-here.ipynb", "05-linear-model.ipynb", "sample.ipynb"}
	}
	all := slices.Clone(paths)
	paths = slices.DeleteFunc(paths, func(path string) bool { return !slices.Contains(names, filepath.Base(path)) })
	if len(paths) != len(names) {
		t.Fatalf("of the notebooks %q there are %q", names, paths)
	}
	// The server gets copies: a test does not write into the book.
	folder := t.TempDir()
	for _, path := range all {
		n, err := nb.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Write(filepath.Join(folder, filepath.Base(path))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(folder, "images"), os.DirFS(filepath.Join(book, "images"))); err != nil {
		t.Fatal(err)
	}
	for _, name := range lab.Furniture {
		if _, err := os.Stat(filepath.Join(folder, name)); err == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	// go run ./notebooks compiles gopls once the first page is open; a new
	// machine has none yet. Here the test waits for it.
	env.Urgent = true
	var noGopls error
	installed := make(chan struct{})
	go func() {
		defer close(installed)
		noGopls = env.InstallGopls(ctx, t.Output(), nil)
	}()
	defer func() {
		cancel()
		<-installed
	}()
	address := make(chan string, 1)
	served := make(chan error, 1)
	go func() {
		served <- lab.Serve(ctx, env, lab.Options{Folder: folder, Port: 19888, Scriptable: true, Hide: lab.Furniture,
			Ready: func(a string) { address <- a }})
	}()
	var base, token string
	select {
	case a := <-address:
		base, token, _ = strings.Cut(a, "lab?")
	case err := <-served:
		t.Fatal(err)
	}
	t.Run("phone", func(t *testing.T) { phone(t, base+"lab/tree/00-start-here.ipynb?"+token) })
	for _, path := range paths {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			page, err := browser.Open(ctx, chromium, t.TempDir(), base+"lab/tree/"+name+"?"+token+"&reset", windowWidth, windowHeight)
			if err != nil {
				t.Fatal(err)
			}
			defer page.Close()
			waitOpen(ctx, t, page)
			t.Run("stays", func(t *testing.T) { stays(ctx, t, page, filepath.Join(folder, name)) })
			if name == "00-start-here.ipynb" {
				t.Run("first page", func(t *testing.T) { firstPage(ctx, t, page, all) })
			}
			if name == "sample.ipynb" {
				if <-installed; noGopls != nil {
					t.Error(noGopls)
				}
				t.Run("completes", func(t *testing.T) { completes(ctx, t, page) })
				t.Run("explains errors", func(t *testing.T) { explains(ctx, t, page) })
			}
			showsNotebook(ctx, t, page, filepath.Join(folder, name))
		})
	}
	cancel()
	if err := <-served; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// shelf returns the environment, the book's folder and its notebooks.
func shelf(t *testing.T) (env *setup.Env, book string, paths []string) {
	t.Helper()
	env = setuptest.Ready(t)
	book = filepath.Join(env.Repo, "notebooks")
	paths, err := filepath.Glob(filepath.Join(book, "*.ipynb"))
	if err != nil {
		t.Fatal(err)
	}
	return env, book, paths
}

func findChromium(t *testing.T) string {
	t.Helper()
	chromium := browser.Find()
	if chromium == "" {
		if os.Getenv(requireVar) != "" {
			t.Fatal("there is no Chromium on the PATH")
		}
		t.Skip("there is no Chromium on the PATH (on Debian: apt install chromium)")
	}
	return chromium
}

func waitOpen(ctx context.Context, t *testing.T, page *browser.Page) {
	t.Helper()
	// Loading the page, and JupyterLab's reset of its workspace, discard what
	// is being evaluated.
	for {
		err := page.Eval(ctx, untilOpen, nil)
		if err == nil {
			break
		}
		if !strings.Contains(err.Error(), "context") || ctx.Err() != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func showsNotebook(ctx context.Context, t *testing.T, page *browser.Page, saved string) {
	start := time.Now()
	waitOpen(ctx, t, page)
	opened := time.Since(start)
	if err := page.Eval(ctx, untilIdle, nil); err != nil {
		t.Errorf("the status bar does not say that the kernel is idle: %v", err)
	}
	var ok bool
	if err := page.Eval(ctx, runAll, &ok); err != nil {
		t.Fatal(err)
	}
	ran := time.Since(start) - opened
	n, err := nb.Read(saved)
	if err != nil {
		t.Fatal(err)
	}
	want := expectations(n)
	if !ok {
		t.Errorf("a cell failed: %s", strings.Join(want.errors, "\n"))
	}
	var seen struct {
		Text                                                    string
		Images, Broken, Formulas, WrongFormulas, Charts, Height int
		Dialogs                                                 []string
	}
	if err := page.Eval(ctx, look, &seen); err != nil {
		t.Fatal(err)
	}
	// Twice: only what is in the window is sure to be laid out, and JupyterLab
	// does that when idle.
	if err := page.Resize(ctx, windowWidth, min(max(seen.Height, windowHeight), tallest)); err != nil {
		t.Fatal(err)
	}
	for range 120 {
		time.Sleep(time.Second)
		if err := page.Eval(ctx, look, &seen); err != nil {
			t.Fatal(err)
		}
		if seen.Images >= want.images && seen.Charts == want.charts && (seen.Formulas > 0 || !want.formulas) &&
			!slices.ContainsFunc(want.lines, func(line string) bool { return !strings.Contains(seen.Text, line) }) {
			break
		}
	}
	if dir := os.Getenv(screenshotsVar); dir != "" {
		shot, err := page.Screenshot(ctx)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, strings.TrimSuffix(filepath.Base(saved), ".ipynb")+".png"), shot, 0o644)
		}
		if err != nil {
			t.Error(err)
		}
	}
	if err := page.Eval(ctx, untilOpen+"await panel.sessionContext.shutdown();", nil); err != nil {
		t.Error(err)
	}
	t.Logf("opened in %.1f s, ran in %.1f s: %d pictures, %d formulas, %d charts", opened.Seconds(), ran.Seconds(), seen.Images, seen.Formulas, seen.Charts)
	if seen.Images < want.images || seen.Broken > 0 {
		t.Errorf("%d pictures are to be seen (%d broken), the notebook holds %d", seen.Images, seen.Broken, want.images)
	}
	if seen.WrongFormulas > 0 || want.formulas && seen.Formulas == 0 {
		t.Errorf("%d formulas are typeset, %d have errors", seen.Formulas, seen.WrongFormulas)
	}
	if seen.Charts != want.charts {
		t.Errorf("%d pictures are to be seen in the text, the notebook has %d", seen.Charts, want.charts)
	}
	for _, line := range want.lines {
		if !strings.Contains(seen.Text, line) {
			t.Errorf("a line of output is not to be seen: %q", line)
		}
	}
	if len(seen.Dialogs) > 0 {
		t.Errorf("the reader is stopped by dialogs: %q", seen.Dialogs)
	}
}

// expected is what must be on the page, going by the saved notebook.
type expected struct {
	images, charts int
	formulas       bool
	lines, errors  []string
}

func expectations(n *nb.Notebook) (e expected) {
	for _, c := range n.Cells() {
		if !c.IsCode() {
			e.formulas = e.formulas || strings.Contains(c.Source(), "$$")
			e.charts += strings.Count(c.Source(), "](images/")
			continue
		}
		for _, o := range c.Outputs() {
			if o.Kind() == "error" && !c.HasTag("raises-exception") {
				e.errors = append(e.errors, o.Error())
			}
			if o.Data("image/png") != "" {
				e.images++
			}
			if _, text := o.Stream(); !strings.Contains(text, "\r") {
				for line := range strings.Lines(text) {
					if line = strings.TrimSpace(line); line != "" {
						e.lines = append(e.lines, line)
					}
				}
			}
		}
	}
	return e
}
