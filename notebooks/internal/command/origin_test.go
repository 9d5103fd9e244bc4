package command

import (
	"archive/tar"
	"bytes"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"

	"descent/notebooks/internal/nb"
)

func TestPublicAddress(t *testing.T) {
	for remote, want := range map[string]string{
		"https://github.com/o/descent.git":           "https://github.com/o/descent",
		"https://github.com/o/descent/":              "https://github.com/o/descent",
		"git@github.com:o/descent.git":               "https://github.com/o/descent",
		"github.com:o/descent":                       "https://github.com/o/descent",
		"ssh://git@gitlab.example:2222/a/b/c.git":    "https://gitlab.example/a/b/c",
		"https://me:secret@github.com/o/descent.git": "https://github.com/o/descent",
		"https://host.example:8443/o/descent":        "https://host.example:8443/o/descent",
		"/home/me/descent":                           "",
		"https://github.com/":                        "",
		"":                                           "",
	} {
		got, err := publicAddress(remote)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", remote, got, err, want)
		}
	}
	if _, err := publicAddress("https://me:secret@"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v tells the secret", err)
	}
}

// The address goes into the notebooks and comes out again without a trace; the
// book's rules still hold.
func TestOrigin(t *testing.T) {
	source, err := checkout(".")
	if err != nil {
		t.Fatal(err)
	}
	top := t.TempDir()
	files := map[string][]byte{}
	for _, rel := range []string{colabFile, "notebooks/00-start-here.ipynb", "notebooks/05-linear-model.ipynb"} {
		data, err := os.ReadFile(filepath.Join(source, rel))
		if err != nil {
			t.Fatal(err)
		}
		os.MkdirAll(filepath.Dir(filepath.Join(top, rel)), 0o755)
		if err := os.WriteFile(filepath.Join(top, rel), data, 0o644); err != nil {
			t.Fatal(err)
		}
		files[rel] = data
	}
	if _, err := writeOrigin(top, "", "main"); err != nil { // what the checkout may have
		t.Fatal(err)
	}
	for rel := range files {
		files[rel], _ = os.ReadFile(filepath.Join(top, rel))
	}
	for range 2 { // the second time nothing is left to change
		if _, err := writeOrigin(top, "https://github.com/o/descent", "main"); err != nil {
			t.Fatal(err)
		}
	}
	if changed, err := writeOrigin(top, "https://github.com/o/descent", "main"); err != nil || len(changed) > 0 {
		t.Errorf("again: %v, %v", changed, err)
	}
	n, err := nb.Read(filepath.Join(top, "notebooks/05-linear-model.ipynb"))
	if err != nil {
		t.Fatal(err)
	}
	first := n.Cells()[0].Source()
	link := "](https://colab.research.google.com/github/o/descent/blob/main/notebooks/05-linear-model.ipynb)"
	if strings.Count(first, link) != 1 || !strings.HasPrefix(first, "# 5 ") {
		t.Errorf("the badge is not below the title:\n%s", first)
	}
	committed, err := nb.Read(filepath.Join(source, "notebooks/05-linear-model.ipynb"))
	if err != nil {
		t.Fatal(err)
	}
	without := len(committed.Lint(source))
	setBadge(committed, "notebooks/05-linear-model.ipynb", "o/descent", "main")
	if with := committed.Lint(source); len(with) != without {
		t.Errorf("against the book's rules: %q", with)
	}
	colab, _ := os.ReadFile(filepath.Join(top, colabFile))
	if !bytes.Contains(colab, []byte(`REPO = \"https://github.com/o/descent\"  #@param`)) {
		t.Errorf("the parameter is not set:\n%s", colab)
	}
	for _, other := range []string{"https://gitlab.example/a/b", ""} { // no badges
		if _, err := writeOrigin(top, other, "main"); err != nil {
			t.Fatal(err)
		}
	}
	for rel, want := range files {
		if got, _ := os.ReadFile(filepath.Join(top, rel)); !bytes.Equal(got, want) {
			t.Errorf("%s is not what it was", rel)
		}
	}
}

// The set-up cells of colab.ipynb: from a repository, from an archive, twice,
// and red when something fails.
func TestColabCells(t *testing.T) {
	python, err := osexec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3")
	}
	source, err := checkout(".")
	if err != nil {
		t.Fatal(err)
	}
	n, err := nb.Read(filepath.Join(source, colabFile))
	if err != nil {
		t.Fatal(err)
	}
	script := ""
	for _, c := range n.Cells() {
		if c.HasTag("colab-setup") {
			script += c.Source() + "\n"
		}
	}
	run := func(dir, repo string, env ...string) (string, error) {
		cmd := osexec.Command(python, "-c", "REPO = "+`"`+repo+`"`+"\n"+script)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	// In the book's place something that only says that it was started.
	book := t.TempDir()
	os.MkdirAll(filepath.Join(book, "docker"), 0o755)
	stub := "echo set up; exit ${STUB:-0}\n"
	if err := os.WriteFile(filepath.Join(book, "docker", "colab"), []byte(stub), 0o755); err != nil {
		t.Fatal(err)
	}
	git := func(args ...string) {
		t.Helper()
		cmd := osexec.Command("git", append([]string{"-C", book, "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q")
	git("add", ".")
	git("commit", "-q", "-m", "stub")

	dir := t.TempDir()
	for i := range 2 {
		if out, err := run(dir, book); err != nil || !strings.Contains(out, "set up") {
			t.Fatalf("run %d: %v\n%s", i+1, err, out)
		}
	}
	if out, err := run(dir, book, "STUB=3"); err == nil || !strings.Contains(out, "failed with status 3") {
		t.Errorf("the set-up failed, the cell says: %v\n%s", err, out)
	}
	if out, err := run(t.TempDir(), "/no/such/repository"); err == nil || !strings.Contains(out, "git clone") {
		t.Errorf("no repository, the cell says: %v\n%s", err, out)
	}
	// Colab's module, which asks the reader's browser for a file.
	modules := t.TempDir()
	os.MkdirAll(filepath.Join(modules, "google", "colab"), 0o755)
	os.WriteFile(filepath.Join(modules, "google", "colab", "files.py"), []byte(
		"import os\ndef upload():\n    p = os.environ['ARCHIVE']\n    return {'my book.tar': open(p, 'rb').read()} if p else {}\n"), 0o644)
	archive := func(name string) string {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(stub))})
		w.Write([]byte(stub))
		w.Close()
		path := filepath.Join(t.TempDir(), "archive")
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	dir = t.TempDir()
	for i := range 2 { // the second time nothing is asked for
		if out, err := run(dir, "", "PYTHONPATH="+modules, "ARCHIVE="+archive("descent-main/docker/colab")); err != nil || !strings.Contains(out, "set up") {
			t.Fatalf("archive, run %d: %v\n%s", i+1, err, out)
		}
	}
	if out, err := run(t.TempDir(), "", "PYTHONPATH="+modules, "ARCHIVE="+archive("holiday/photo")); err == nil || !strings.Contains(out, "not one of the book") {
		t.Errorf("another archive, the cell says: %v\n%s", err, out)
	}
	if out, err := run(t.TempDir(), "", "PYTHONPATH="+modules, "ARCHIVE="); err == nil || !strings.Contains(out, "no archive was uploaded") {
		t.Errorf("no archive, the cell says: %v\n%s", err, out)
	}
}
