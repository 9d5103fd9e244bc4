// Package exec executes notebooks without a browser, in the kernel that
// JupyterLab would use.
package exec

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"descent/notebooks/internal/nb"
	"descent/notebooks/internal/session"
	"descent/notebooks/internal/setup"
)

//go:embed runner.py
var runner string

// Options are how to execute.
type Options struct {
	Timeout time.Duration // for the whole notebook; 0: none
	Tags    string        // build tags for the cells, comma-separated
	Smoke   bool          // only try it out: show.Smoke is true in the cells
	// Together compiles cells in groups, in a fraction of the time. Only when a
	// cell does not compile can it be told apart: then the first of its group
	// is blamed.
	Together bool
	// Started and Finished are called around each code cell; nil: not.
	Started  func(c nb.Cell)
	Finished func(c nb.Cell, took time.Duration, err error)
}

// smokeVar is what package show reads.
const smokeVar = "MLKIT_SMOKE"

// CellError says which cell failed and how.
type CellError struct {
	Path   string
	Cell   nb.Cell
	Reason string // the Go error, or what the cell did wrong
	Cause  error  // of an end from outside, such as ErrTimeout
}

func (e *CellError) Unwrap() error { return e.Cause }

func (e *CellError) Error() string {
	return fmt.Sprintf("%s, cell %d failed:\n%s\n%s", e.Path, e.Cell.Number,
		indent(e.Cell.Source(), "    | "), indent(e.Reason, "    "))
}

func indent(s, by string) string {
	return by + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n"+by)
}

// report is one line from runner.py.
type report struct {
	Event   string
	Index   int
	Seconds float64
	Message string
	result
	Cells []struct {
		Index int
		result
	}
}

type result struct {
	Outputs []any
	Count   int
}

// Notebook executes the notebook from a fresh kernel, in its own folder, and
// puts the outputs into n. Two runs of a deterministic notebook leave the same
// bytes. On an error n holds the outputs up to the failing cell, and the error
// is a *CellError if a cell is to blame. No process and no file of the kernel
// is left.
func Notebook(ctx context.Context, env *setup.Env, n *nb.Notebook, opt Options) (err error) {
	s, err := session.New()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if opt.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, opt.Timeout, ErrTimeout)
		defer cancel()
	}
	path, err := filepath.Abs(n.Path)
	if err != nil {
		return err
	}
	script, err := s.Script("runner.py", runner)
	if err != nil {
		return err
	}
	vars := setup.Tags(opt.Tags)
	if vars == nil {
		vars = map[string]string{}
	}
	vars[setup.HeadlessVar] = "1"
	vars[smokeVar] = "" // not what a reader's shell may hold
	if opt.Smoke {
		vars[smokeVar] = "1"
	}
	source := path
	if opt.Together {
		source = filepath.Join(s.Dir, "together.ipynb")
		if err := together(n).Write(source); err != nil {
			return err
		}
		more, err := quickGo(s, env)
		if err != nil {
			return err
		}
		maps.Copy(vars, more)
	}
	cmd, err := s.Command(env.Environ(vars), env.Python, script, source, filepath.Dir(path), setup.KernelName)
	if err != nil {
		return err
	}
	log := &tail{}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cells := n.Cells()
	for _, c := range cells {
		c.SetOutputs(nil, 0)
	}
	n.SetMetadata(setup.KernelName)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting Python: %w", err)
	}
	reports := make(chan report)
	go read(out, reports)

	run := progress{path: n.Path, cells: cells, opt: opt, log: log}
	err = run.follow(ctx, reports)

	// Nobody waits for the kernel's farewell: what matters is already here. The
	// output pipe is drained, or Wait would not return.
	done := make(chan struct{})
	go func() {
		for range reports {
		}
		cmd.Wait()
		close(done)
	}()
	session.Stop(cmd, done, 0)
	if closing := s.Close(); err == nil {
		err = closing
	}
	<-done
	return err
}

// ErrTimeout is the cause of the end of a notebook that takes longer than its
// Timeout.
var ErrTimeout = errors.New("timeout")

// stopped is ErrTimeout in the words of the reader.
type stopped struct{ after time.Duration }

func (e *stopped) Error() string {
	return fmt.Sprintf("not done within %v (-timeout): stopped, with everything it had started", e.after)
}

func (e *stopped) Unwrap() error { return ErrTimeout }

// read passes the runner's reports on, until its output ends.
func read(r io.Reader, to chan<- report) {
	defer close(to)
	dec := json.NewDecoder(r)
	dec.UseNumber()
	for {
		var rep report
		if dec.Decode(&rep) != nil {
			return
		}
		to <- rep
	}
}

// progress is a notebook on its way through the kernel.
type progress struct {
	path    string
	cells   []nb.Cell
	opt     Options
	log     *tail
	running int // index of the cell at work, -1 for none
	since   time.Time
}

// follow handles reports until the notebook is done or must be stopped.
func (p *progress) follow(ctx context.Context, reports <-chan report) error {
	p.running = -1
	var failed error
	for {
		select {
		case <-ctx.Done():
			cause := context.Cause(ctx)
			if errors.Is(cause, ErrTimeout) {
				cause = &stopped{p.opt.Timeout}
			}
			return p.blame(cause)
		case rep, ok := <-reports:
			if !ok {
				return p.blame(fmt.Errorf("the program that drives the kernel ended early:\n%s", p.log))
			}
			switch rep.Event {
			case "start":
				p.running, p.since = rep.Index, time.Now()
				if p.opt.Started != nil {
					p.opt.Started(p.cells[rep.Index])
				}
			case "end":
				cell := p.cells[rep.Index]
				cell.SetOutputs(rep.Outputs, rep.Count)
				cell.FoldStreams()
				var err error
				if reason := fault(cell); reason != "" {
					err = &CellError{p.path, cell, reason, nil}
					failed = errors.Join(failed, err)
				}
				p.finished(err, time.Duration(rep.Seconds*float64(time.Second)))
				if err != nil && !hasError(cell) {
					return err // the runner saw nothing wrong and would go on
				}
			case "dead":
				message := rep.Message
				if message == "" {
					message = "the kernel died (out of memory, or killed from outside?); its last words:"
				}
				return p.blame(fmt.Errorf("%s\n%s", message, p.log))
			case "done":
				for _, c := range rep.Cells {
					p.cells[c.Index].SetOutputs(c.Outputs, c.Count)
					p.cells[c.Index].FoldStreams()
				}
				return failed
			}
		}
	}
}

func (p *progress) finished(err error, took time.Duration) {
	if p.running >= 0 && p.opt.Finished != nil {
		p.opt.Finished(p.cells[p.running], took, err)
	}
	p.running = -1
}

// blame names the cell that was running when err came from outside.
func (p *progress) blame(err error) error {
	if p.running < 0 {
		return fmt.Errorf("%s: %w", p.path, err)
	}
	e := &CellError{p.path, p.cells[p.running], err.Error(), err}
	p.finished(e, time.Since(p.since))
	return e
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	t.buf = t.buf[max(0, len(t.buf)-64<<10):]
	return len(p), nil
}

// String returns the last dozen lines.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := bytes.Split(bytes.TrimSpace(t.buf), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-12):], []byte("\n")))
}
