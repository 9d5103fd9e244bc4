//go:build unix

package browser_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"descent/notebooks/internal/browser"
)

// edit makes an empty last cell and puts the cursor into it.
const edit = untilOpen + `
	const notebook = panel.content;
	notebook.activeCellIndex = notebook.widgets.length - 1;
	await jupyterapp.commands.execute('notebook:insert-cell-below');
	await jupyterapp.commands.execute('notebook:enter-edit-mode');
	const typing = () => document.activeElement.closest('.cm-content') && notebook.activeCell.node.contains(document.activeElement);
	while (!typing()) await new Promise(r => setTimeout(r, 20));
`

// runFirst runs the first cell of code.
const runFirst = untilOpen + `
	const first = panel.content.widgets.findIndex(c => c.model.type === 'code');
	panel.content.activeCellIndex = first;
	await jupyterapp.commands.execute('notebook:run-cell');
`

// dropped is longer than JupyterLab waits for an answer (see the settings of
// package setup), and than the kernel waits for gopls.
const dropped = 25 * time.Second

// appears waits for an element to be seen and returns its text.
func appears(ctx context.Context, page *browser.Page, selector string, limit time.Duration) (text string, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err = page.Eval(ctx, `
			const e = [...document.querySelectorAll("`+selector+`")].find(e => e.getBoundingClientRect().height > 0);
			return e ? e.textContent : "";`, &text)
		if err != nil || text != "" {
			return text, err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// completes presses Tab behind a package's name and Shift-Tab behind a
// function's.
func completes(ctx context.Context, t *testing.T, page *browser.Page) {
	do := func(script string) {
		t.Helper()
		if err := page.Eval(ctx, script, nil); err != nil {
			t.Fatal(err)
		}
	}
	// ask types into the empty cell, presses the key and waits for what
	// appears.
	ask := func(name, text string, shift bool, selector string, want ...string) time.Duration {
		t.Helper()
		if err := page.Type(ctx, text); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		// A machine that is busy with other things may need more than the time
		// after which JupyterLab drops an answer; then readers, too, press
		// again. Not before: the first answer would be dropped for the second.
		var shown string
		var err error
		for range 8 {
			if err = page.Tab(ctx, shift); err != nil {
				t.Fatal(err)
			}
			if shown, err = appears(ctx, page, selector, dropped); err == nil {
				break
			}
		}
		took := time.Since(start)
		if err != nil {
			screenshot(ctx, t, page, "no-"+name)
			t.Fatalf("%s: nothing appears: %v", name, err)
		}
		for _, w := range want {
			if !strings.Contains(shown, w) {
				t.Errorf("%s lacks %q:\n%s", name, w, shown)
			}
		}
		return took
	}
	list := ".jp-Completer:not(.lm-mod-hidden)"
	escape := `document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape', keyCode: 27, bubbles: true}));
		const open = () => [...document.querySelectorAll('.jp-Tooltip, ` + list + `')].some(e => e.getBoundingClientRect().height > 0);
		while (open()) await new Promise(r => setTimeout(r, 20));
	`
	do(runFirst)
	time.Sleep(2 * time.Second) // a reader who looks at what came out
	do(edit)
	first := ask("list", "%%\nvar 损失 = \"中文\"; _ = 损失; fmt.Prin", false, list, "Printf", "Println")
	screenshot(ctx, t, page, "list")
	do(escape)
	documentation := ask("documentation", "tln", true, ".jp-Tooltip", "func fmt.Println", "standard output")
	screenshot(ctx, t, page, "documentation")
	// More lists, also in cells that cannot be parsed yet.
	more := []time.Duration{first}
	for i := range 9 {
		do(escape + untilOpen + `panel.content.activeCell.model.sharedModel.setSource('');`)
		if i%2 == 0 {
			more = append(more, ask("another list", "%%\nfmt.Sprin", false, list, "Sprintf", "Sprintln"))
		} else {
			more = append(more, ask("list in an unfinished cell", "%%\nfor {\nvar s fmt.State\ns.W", false, list, "Width", "Write"))
		}
	}
	slices.Sort(more)
	t.Logf("a list after %.2f s the first time; of ten times the fastest %.2f s, the median %.2f s, the slowest %.2f s; documentation after %.2f s",
		first.Seconds(), more[0].Seconds(), more[5].Seconds(), more[9].Seconds(), documentation.Seconds())
	do(escape + untilOpen + `await jupyterapp.commands.execute('notebook:delete-cell');`)
}

// explains runs a cell with a mistake.
func explains(ctx context.Context, t *testing.T, page *browser.Page) {
	if err := page.Eval(ctx, edit, nil); err != nil {
		t.Fatal(err)
	}
	if err := page.Type(ctx, "%%\nloss := 0.5\nprintln(\"损失\", los)"); err != nil {
		t.Fatal(err)
	}
	var text string
	if err := page.Eval(ctx, untilOpen+`
		await jupyterapp.commands.execute('notebook:run-cell');
		const area = panel.content.activeCell.node.querySelector('.jp-OutputArea');
		area.scrollIntoView();
		return area.textContent;`, &text); err != nil {
		t.Fatal(err)
	}
	screenshot(ctx, t, page, "error")
	if first := "This cell, line 3: undefined: los"; !strings.HasPrefix(text, first) {
		t.Errorf("the error begins with %.80q, want %q", text, first)
	}
	if err := page.Eval(ctx, untilOpen+`await jupyterapp.commands.execute('notebook:delete-cell');`, nil); err != nil {
		t.Fatal(err)
	}
}

func screenshot(ctx context.Context, t *testing.T, page *browser.Page, name string) {
	dir := os.Getenv(screenshotsVar)
	if dir == "" {
		return
	}
	shot, err := page.Screenshot(ctx)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), shot, 0o644)
	}
	if err != nil {
		t.Error(err)
	}
}

// stays checks that a notebook that was only read is what it was, byte for
// byte.
func stays(ctx context.Context, t *testing.T, page *browser.Page, path string) {
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var dirty bool
	// Autosave writes what is marked as changed. The kernel says last what
	// language it speaks.
	if err := page.Eval(ctx, untilOpen+`
		await panel.sessionContext.session.kernel.info;
		await new Promise(r => setTimeout(r, 1500));
		const dirty = panel.context.model.dirty;
		await panel.context.save();
		return dirty;`, &dirty); err != nil {
		t.Fatal(err)
	}
	if dirty {
		t.Error("it is marked as changed")
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Errorf("saved without a change it has %d bytes, and had %d", len(after), len(before))
		if dir := os.Getenv(screenshotsVar); dir != "" {
			os.WriteFile(filepath.Join(dir, filepath.Base(path)+".saved"), after, 0o644)
		}
	}
}

// phone checks that a phone gets a chapter alone: beside the list of files
// there is no room for it.
func phone(t *testing.T, address string) {
	for agent, want := range map[string]string{ // shortened: who they are is in the middle
		"Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0 Safari/537.36":              "multiple-document",
		"Mozilla/5.0 (Linux; Android 10; K) Chrome/140.0.0.0 Mobile Safari/537.36":    "single-document",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Mobile/15E148 Safari": "single-document",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("User-Agent", agent)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(page), `"mode": "`+want+`"`) {
			t.Errorf("%s: the page is not in the mode %s", agent, want)
		}
	}
}

// firstPage checks that a reader sees the chapters, whole names and nothing
// else, and has the chapter's contents at hand.
func firstPage(ctx context.Context, t *testing.T, page *browser.Page, chapters []string) {
	var seen struct{ Names, Cut []string }
	err := page.Eval(ctx, untilOpen+`
		let items = [];
		while (!(items = [...document.querySelectorAll('.jp-DirListing-itemName')]).length) await new Promise(r => setTimeout(r, 50));
		const text = items.map(i => i.querySelector('.jp-DirListing-itemText'));
		return {names: text.map(i => i.textContent), cut: text.filter(i => i.scrollWidth > i.clientWidth).map(i => i.textContent)};`, &seen)
	if err != nil {
		t.Fatal(err)
	}
	screenshot(ctx, t, page, "first-page")
	var status string
	if err := page.Eval(ctx, untilOpen+`return panel.sessionContext.kernelDisplayStatus;`, &status); err != nil || status != "idle" {
		t.Errorf("the kernel's state is said to be %q, %v", status, err)
	}
	var want []string
	for _, path := range chapters {
		want = append(want, filepath.Base(path))
	}
	slices.Sort(want)
	slices.Sort(seen.Names)
	if !slices.Equal(seen.Names, want) {
		t.Errorf("the list of files has %q, want %q", seen.Names, want)
	}
	if len(seen.Cut) > 0 {
		t.Errorf("names are cut off: %q", seen.Cut)
	}
	// One click on the icon at the right.
	var headings []string
	err = page.Eval(ctx, untilOpen+`
		document.querySelector('.jp-SideBar.jp-mod-right [data-id="table-of-contents"]').dispatchEvent(
			new PointerEvent('pointerdown', {bubbles: true, button: 0}));
		await jupyterapp.shell.activateById('table-of-contents');
		let items = [];
		while (!(items = [...document.querySelectorAll('.jp-mod-right .jp-tocItem, #jp-right-stack .jp-tocItem')]).length) await new Promise(r => setTimeout(r, 50));
		return items.map(i => i.textContent);`, &headings)
	if err != nil {
		t.Fatal(err)
	}
	screenshot(ctx, t, page, "contents")
	if len(headings) < 3 {
		t.Errorf("the table of contents has %q", headings)
	}
}
