package show

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode"

	"descent/mlkit/train"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// A bundle is one output: the same thing in several formats, of which the front
// end picks the richest it knows.
type bundle struct {
	data map[protocol.MIMEType]any
	meta map[string]any
	name string // for the file name outside a notebook
}

// syncTimeout bounds the wait for the kernel: with a broken pipe it would never
// end.
const syncTimeout = 10 * time.Second

// saveDir is where displays outside a notebook are written: see SaveTo.
var saveDir struct {
	sync.Mutex
	dir string
	n   int
}

// SaveTo makes every display outside a notebook write a file (PNG, HTML or
// text) into dir, numbered in the order of display: 01-training-loss.png. The
// default is the folder named by the environment variable MLKIT_SHOW. An empty
// dir turns it off. In a notebook it has no effect.
func SaveTo(dir string) {
	saveDir.Lock()
	defer saveDir.Unlock()
	saveDir.dir, saveDir.n = dir, 0
}

func init() { saveDir.dir = os.Getenv("MLKIT_SHOW") }

// InNotebook reports whether the program was started by a GoNB kernel.
func InNotebook() bool { return gonbui.IsNotebook }

// Headless reports whether nobody is watching the program: it runs in a
// notebook without a browser (nbclient), or outside a notebook with its output
// in a file or a pipe. Intermediate states are then not worth drawing.
func Headless() bool {
	if InNotebook() {
		return os.Getenv(protocol.GONB_JUPYTER_KERNEL_ID_ENV) == ""
	}
	return !train.IsTerminal(os.Stdout)
}

// Progress starts a progress bar on the standard output for a task of total
// steps. While someone is watching (see Headless) it is updated in place. Its
// last line, the only one otherwise, has no times, so that the output of a
// notebook can be reproduced.
func Progress(title string, total int) *train.Bar {
	return train.NewBar(os.Stdout, title, total, !Headless())
}

// Smoke reports whether the environment variable MLKIT_SMOKE is set: the
// notebook is only tried out, as the tests do with notebooks that train for
// minutes. Use small sizes then (see Sized), and do not assert the results.
func Smoke() bool { return os.Getenv("MLKIT_SMOKE") != "" }

// Sized returns full, or small if the notebook is only tried out (see Smoke).
func Sized[T any](full, small T) T {
	if Smoke() {
		return small
	}
	return full
}

// send displays b and returns when the kernel has it: a display still in the
// pipe when the cell's program ends is lost. A display with an id replaces the
// one shown before under the same id.
func send(b bundle, id string) {
	if InNotebook() {
		gonbui.SendData(&protocol.DisplayData{Data: b.data, Metadata: b.meta, DisplayID: id})
		syncKernel()
		return
	}
	if err := b.save(); err != nil {
		log.Printf("show: %v", err)
	}
}

func syncKernel() {
	if gonbui.Error() != nil {
		return
	}
	done := make(chan struct{})
	go func() { gonbui.Sync(); close(done) }()
	select {
	case <-done:
	case <-time.After(syncTimeout):
		fmt.Fprintln(os.Stderr, "show: the kernel did not confirm an output within", syncTimeout)
	}
}

// save writes the formats of b that are worth a file: the picture, or else the
// page, or else the text.
func (b bundle) save() error {
	saveDir.Lock()
	defer saveDir.Unlock()
	if saveDir.dir == "" {
		return nil
	}
	if err := os.MkdirAll(saveDir.dir, 0o755); err != nil {
		return err
	}
	saveDir.n++
	for _, f := range []struct {
		mime protocol.MIMEType
		ext  string
	}{{protocol.MIMEImagePNG, "png"}, {protocol.MIMETextHTML, "html"},
		{protocol.MIMETextMarkdown, "md"}, {protocol.MIMETextPlain, "txt"}} {
		v, ok := b.data[f.mime]
		if !ok {
			continue
		}
		path := filepath.Join(saveDir.dir, fmt.Sprintf("%02d-%s.%s", saveDir.n, slug(b.name), f.ext))
		switch v := v.(type) {
		case []byte:
			return os.WriteFile(path, v, 0o644)
		case string:
			if f.ext == "html" {
				v = "<!doctype html><meta charset=\"utf-8\">\n" + v
			}
			return os.WriteFile(path, []byte(v), 0o644)
		}
	}
	return nil
}

// slug makes a file name of a title.
func slug(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= 40 {
			break
		}
	}
	out := strings.TrimSuffix(b.String(), "-")
	if out == "" {
		return "output"
	}
	return out
}

// pngBundle is the picture with its size in CSS pixels (the PNG has Density
// times as many, which a front end would show too big) and its alternative
// text: see the package's documentation.
func pngBundle(p *Picture) bundle {
	b, err := p.PNG()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		p = errorPicture(p, err)
		if b, err = p.PNG(); err != nil {
			return bundle{name: p.title, data: map[protocol.MIMEType]any{protocol.MIMETextPlain: p.Describe()}}
		}
	}
	return bundle{
		name: p.title,
		data: map[protocol.MIMEType]any{protocol.MIMEImagePNG: b, protocol.MIMETextPlain: p.Describe()},
		meta: map[string]any{"image/png": map[string]int{"width": p.w, "height": p.h}, "alt": p.Describe()},
	}
}
