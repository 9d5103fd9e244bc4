package lab

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"descent/notebooks/internal/nb"
	"descent/notebooks/internal/setup/setuptest"
)

var update = flag.Bool("update", false, "write outputs.sha256 from the book's notebooks")

// The manifest has each active output of the book: one that is missing would be
// shown without its script.
func TestManifest(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("..", "..", "[0-9][0-9]-*.ipynb"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d notebooks: %v", len(paths), err)
	}
	var now strings.Builder
	now.WriteString("# SHA-256 of each active output of the book: see trust.go, which says how this file is written.\n")
	var missing []string
	hashes := known(manifest)
	for _, path := range paths {
		n, err := nb.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		var digests []string
		for _, c := range n.Cells() {
			more, err := c.ActiveOutputs()
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			digests = append(digests, more...)
		}
		slices.Sort(digests)
		for _, d := range slices.Compact(digests) {
			fmt.Fprintf(&now, "%s  %s\n", d, filepath.Base(path))
			if !hashes[d] {
				missing = append(missing, path)
			}
		}
	}
	if *update {
		if err := os.WriteFile("outputs.sha256", []byte(now.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if missing = slices.Compact(missing); len(missing) > 0 {
		t.Errorf("outputs of %v were executed anew: go test ./notebooks/internal/lab -run TestManifest -update", missing)
	}
}

const (
	attack   = `<script>fetch('/api/contents')</script>`
	untitled = `{"nbformat":4,"nbformat_minor":5,"metadata":{},"cells":[%s]}`
)

// output is a cell with one output of this type.
func output(mime, value string) string {
	v, _ := json.Marshal(value)
	return fmt.Sprintf(`{"cell_type":"code","id":"a","execution_count":1,"metadata":{},"source":"x","outputs":[{"output_type":"display_data","metadata":{},"data":{%q:%s}}]}`, mime, v)
}

// chapter returns the text of the book's notebook that has a script.
func chapter(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "05-linear-model.ipynb"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), "<script>") {
		t.Fatal("05 has no script any more: choose another notebook")
	}
	return string(data)
}

// folder writes notebooks and says which of them may be signed.
func folder(t *testing.T) (dir string, trusted, strange map[string]bool) {
	t.Helper()
	dir = t.TempDir()
	write := func(in map[string]bool, name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		in[filepath.Join(dir, name)] = true
	}
	trusted, strange = map[string]bool{}, map[string]bool{}
	book := chapter(t)
	n, err := nb.Parse([]byte(book))
	if err != nil {
		t.Fatal(err)
	}
	n.SetMetadata("other")
	rewritten, err := n.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	write(trusted, "as delivered.ipynb", book)
	write(trusted, "rewritten.ipynb", string(rewritten))
	write(trusted, "prose changed.ipynb", strings.Replace(book, "# 5", "# My notes on 5", 1))
	write(trusted, "windows.ipynb", strings.ReplaceAll(book, "\n", "\r\n"))
	write(trusted, "numbers.ipynb", fmt.Sprintf(untitled, output("text/plain", attack)+","+strings.Replace(output("image/png", "AAAA"), `"id":"a"`, `"id":"b"`, 1)))
	write(strange, "script changed.ipynb", strings.Replace(book, "<script>", "<script>alert(1);", 1))
	write(strange, "one output more.ipynb", strings.Replace(book, `"cells": [`, `"cells": [`+output("text/html", attack)+",", 1))
	write(strange, "05-linear-model.ipynb", fmt.Sprintf(untitled, output("text/html", attack)))
	for i, mime := range []string{"text/html", "application/javascript", "image/svg+xml", "text/markdown", "text/latex", "application/vnd.jupyter.widget-view+json", "TEXT/HTML", "text/html;x"} {
		write(strange, fmt.Sprintf("%d.ipynb", i), fmt.Sprintf(untitled, output(mime, attack)))
	}
	write(strange, "prose with outputs.ipynb", fmt.Sprintf(untitled, strings.Replace(output("text/html", attack), `"code"`, `"markdown"`, 1)))
	write(strange, "two keys.ipynb", fmt.Sprintf(untitled, `{"cell_type":"code","outputs":[],"source":"x","metadata":{},"outputs":[{"output_type":"display_data","metadata":{},"data":{"text/html":"x"}}]}`))
	write(strange, "unknown kind.ipynb", fmt.Sprintf(untitled, strings.Replace(output("text/plain", attack), "display_data", "update_display_data", 1)))
	write(strange, "no list.ipynb", fmt.Sprintf(untitled, `{"cell_type":"code","source":"x","metadata":{},"outputs":{"output_type":"display_data","data":{"text/html":"x"}}}`))
	write(strange, "format 3.ipynb", `{"nbformat":3,"nbformat_minor":0,"metadata":{},"worksheets":[{"cells":[{"cell_type":"code","language":"python","input":"","outputs":[{"output_type":"display_data","html":"x"}]}]}]}`)
	return dir, trusted, strange
}

func TestTrustworthy(t *testing.T) {
	dir, trusted, strange := folder(t)
	found := trustworthy([]string{dir})
	for path := range trusted {
		if found[path] == "" {
			t.Errorf("%s is the book's or harmless, and would not be signed", filepath.Base(path))
		}
	}
	for path := range strange {
		if found[path] != "" {
			t.Errorf("%s would be signed", filepath.Base(path))
		}
	}
	if len(known("# a b\nabc x\n"+strings.Repeat("0", 64)+"  n\n")) != 1 {
		t.Error("the manifest is not read line by line")
	}
}

// What was executed here may show what it computed, what another cell kept may
// not.
func TestSafeExecuted(t *testing.T) {
	n, err := nb.Parse([]byte(fmt.Sprintf(untitled, output("text/html", "mine")+","+output("text/html", attack))))
	if err != nil {
		t.Fatal(err)
	}
	for want, executed := range map[bool][]int{true: {1, 2}, false: {1}} {
		if safe(n, nil, executed) != want {
			t.Errorf("cells %v executed: not %v", executed, want)
		}
	}
}

// Jupyter itself trusts after a start what it should, and nothing that an
// earlier version of this program signed.
func TestJupyterTrusts(t *testing.T) {
	env := setuptest.Ready(t)
	mine := *env
	mine.Book = t.TempDir()
	dir, trusted, strange := folder(t)
	python := func(program string, args ...string) string {
		t.Helper()
		cmd := osexec.Command(env.Python, append([]string{"-c", program}, args...)...)
		cmd.Env = mine.Environ(nil)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	const signAll = `
import sys, nbformat
from nbformat.sign import NotebookNotary
for p in sys.argv[1:]:
    NotebookNotary().sign(nbformat.read(p, as_version=4))
`
	const check = `
import sys, nbformat
from nbformat.sign import NotebookNotary
for p in sys.argv[1:]:
    print(p if NotebookNotary().check_signature(nbformat.read(p, as_version=4)) else "")
`
	var all []string
	for path := range strange {
		if !regexp.MustCompile("no list|format 3").MatchString(path) { // which nbformat does not read whole
			all = append(all, path)
		}
	}
	python(signAll, all...) // as before
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := Serve(ctx, &mine, Options{Folder: dir, Port: 18888, Ready: func(string) { cancel() }})
	if ctx.Err() == nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(python(check, all...)); got != "" {
		t.Errorf("trusted, and should not be:\n%s", got)
	}
	signed := python(check, slices.Collect(maps.Keys(trusted))...)
	for path := range trusted {
		if !strings.Contains(signed, path+"\n") {
			t.Errorf("%s is not trusted", filepath.Base(path))
		}
	}
	own := filepath.Join(dir, "0.ipynb")
	if err := SignExecuted(t.Context(), &mine, own, nil); err != nil || strings.TrimSpace(python(check, own)) != "" {
		t.Errorf("signed without being executed (%v)", err)
	}
	if err := SignExecuted(t.Context(), &mine, own, []int{1}); err != nil || strings.TrimSpace(python(check, own)) != own {
		t.Errorf("not signed after being executed (%v)", err)
	}
	// The reader's signatures stay at the next start.
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	Serve(ctx, &mine, Options{Folder: dir, Port: 18888, Ready: func(string) { cancel() }})
	if strings.TrimSpace(python(check, own)) != own {
		t.Error("the reader's own is forgotten at the next start")
	}
}
