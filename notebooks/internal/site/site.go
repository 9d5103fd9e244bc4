// Package site writes the book as a static site: pages with navigation, search,
// a dark theme, formulas and sliders, that need no server and no
// network.
package site

import (
	"context"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"descent/notebooks/internal/nb"
	"descent/notebooks/internal/session"
	"descent/notebooks/internal/setup"
)

//go:embed conf.py book.css book.js
var files embed.FS

// Write makes the site of the notebooks in dir, which must be empty or a site
// that Write has made. The chapters are the notebooks', in the same order.
func Write(ctx context.Context, with setup.Site, chapters []nb.Chapter, books []*nb.Notebook, dir string) error {
	if err := usable(dir); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "descent-site-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	source, built := filepath.Join(work, "source"), filepath.Join(work, "html")
	static := filepath.Join(source, "_static")
	if err := os.MkdirAll(static, 0o755); err != nil {
		return err
	}
	for name, folder := range map[string]string{"conf.py": source, "book.css": static, "book.js": static} {
		text, err := files.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), text, 0o644)
		}
		if err != nil {
			return err
		}
	}
	if err := copyFile(filepath.Join(with.Assets, "tex-svg.js"), filepath.Join(static, "tex-svg.js")); err != nil {
		return err
	}
	for _, b := range books {
		if err := writePage(b, source); err != nil {
			return fmt.Errorf("%s: %w", b.Path, err)
		}
	}
	if err := os.CopyFS(filepath.Join(source, "images"), os.DirFS(filepath.Join(filepath.Dir(books[0].Path), "images"))); err != nil {
		return fmt.Errorf("the pictures in the text: %w", err)
	}
	if err := writeIndex(books, filepath.Join(static, "index.js")); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(source, "index.md"), []byte(contents(chapters)), 0o644); err != nil {
		return err
	}
	if err := python(ctx, with, "-m", "sphinx", "--quiet", "-b", "html", "-j", "auto", source, built); err != nil {
		return fmt.Errorf("sphinx: %w", err)
	}
	if err := os.WriteFile(filepath.Join(built, mark), nil, 0o644); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.CopyFS(dir, os.DirFS(built))
}

// mark tells a site of ours from a folder with something else in it.
const mark = ".descent-site"

func usable(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, mark)); err != nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty and holds no site of this book: choose another folder, or empty it", dir)
	}
	return nil
}

// contents is the first page: what the book is, where to begin, and its
// chapters as its opening page lists them.
func contents(chapters []nb.Chapter) string {
	var b strings.Builder
	begin := page(chapters[0].File)
	fmt.Fprintf(&b, `# Model training and optimization

`+"```{image} images/cover.png\n:alt: A loss surface, and the path of gradient descent along its valley\n:width: 560px\n```"+`

This book is about how models are trained. Every claim of a Chinese document on the subject is derived, checked and measured by Go code, from a line through a hundred points to networks that read, see and listen.
These pages are its notebooks as they were run; sliders and the search work here. To change the code and run it, open the notebooks themselves.

**Where to begin**: [%s](%s) says how to read the book, has the map, and lists claim by claim what was confirmed and what corrected.
`, chapters[0].Title, begin)
	if len(chapters) > 1 {
		fmt.Fprintf(&b, "If you prefer the subject at once: [%s](%s).\n", chapters[1].Title, page(chapters[1].File))
	}
	b.WriteString("\n## The chapters\n\n| chapter | about | to read |\n|---|---|---|\n")
	for _, c := range chapters[1:] {
		fmt.Fprintf(&b, "| [%s](%s) | %s | %s |\n", c.Title, page(c.File), c.Columns["about"], c.Columns["to read"])
	}
	b.WriteString("\n```{toctree}\n:hidden:\n\n")
	for _, c := range chapters {
		fmt.Fprintf(&b, "%s\n", page(c.File))
	}
	b.WriteString("```\n")
	return b.String()
}

// page is the name of a notebook's page.
func page(file string) string { return strings.TrimSuffix(filepath.Base(file), ".ipynb") }

// writePage writes a notebook for Sphinx: its pictures become files, with the
// sizes and alternative texts that package show put beside them.
func writePage(book *nb.Notebook, source string) error {
	name := page(book.Path)
	pictures := filepath.Join(source, "_static", "pictures")
	if err := os.MkdirAll(pictures, 0o755); err != nil {
		return err
	}
	copied := book.Clone()
	for _, c := range copied.Cells() {
		c.FoldStreams()
		for k, o := range c.Outputs() {
			coded := o.Data("image/png")
			if coded == "" {
				continue
			}
			data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(coded), ""))
			if err != nil {
				return fmt.Errorf("cell %d, output %d: %w", c.Number, k+1, err)
			}
			file := fmt.Sprintf("%s-%d-%d.png", name, c.Number, k+1)
			if err := os.WriteFile(filepath.Join(pictures, file), data, 0o644); err != nil {
				return err
			}
			width, height := o.Size("image/png")
			size := ""
			if width > 0 && height > 0 {
				size = fmt.Sprintf(` width="%d" height="%d"`, width, height)
			}
			o.SetHTML(fmt.Sprintf(`<img src="_static/pictures/%s" alt="%s"%s loading="lazy">`, file, html.EscapeString(o.Alt()), size))
		}
	}
	return copied.Write(filepath.Join(source, name+".ipynb"))
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

func python(ctx context.Context, with setup.Site, args ...string) error {
	cmd := exec.CommandContext(ctx, with.Python, append([]string{"-I"}, args...)...)
	session.Group(cmd)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}
