//go:build unix

// Package browser drives a headless Chromium, for the tests that look at the
// book as a reader sees it. It speaks the DevTools protocol over a pair of
// pipes (https://chromedevtools.github.io/devtools-protocol), which needs no
// driver, no port and no other program.
package browser

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Find returns a Chromium on this machine, "" if there is none.
func Find() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable",
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Page is one page in a browser of its own.
type Page struct {
	cmd     *exec.Cmd
	to      *os.File
	session string

	mu      sync.Mutex
	last    int
	waiting map[int]chan reply
	gone    chan struct{} // closed when the browser has ended
}

type reply struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct{ Message string }
}

// Open starts the browser with an empty profile in the folder and opens the
// address in a window of the size, in CSS pixels.
func Open(ctx context.Context, path, folder, address string, width, height int) (*Page, error) {
	fromUs, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	from, toUs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	args := []string{"--headless=new", "--remote-debugging-pipe", "--user-data-dir=" + folder,
		"--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
		fmt.Sprintf("--window-size=%d,%d", width, height)}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // Chromium's sandbox refuses root
	}
	p := &Page{to: to, waiting: map[int]chan reply{}, gone: make(chan struct{})}
	p.cmd = exec.Command(path, args...)
	p.cmd.ExtraFiles = []*os.File{fromUs, toUs} // descriptors 3 and 4, by the protocol
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = p.cmd.Start()
	fromUs.Close()
	toUs.Close()
	if err != nil {
		return nil, err
	}
	go p.read(from)

	var target struct{ TargetID string }
	if err := p.call(ctx, "Target.createTarget", map[string]any{"url": address}, &target); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	var attached struct{ SessionID string }
	err = p.call(ctx, "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	p.session = attached.SessionID
	return p, p.Resize(ctx, width, height)
}

// Close ends the browser.
func (p *Page) Close() error {
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	p.cmd.Wait()
	<-p.gone
	return p.to.Close()
}

// read hands the browser's answers to those who wait; events are of no
// interest.
func (p *Page) read(from *os.File) {
	defer close(p.gone)
	defer from.Close()
	r := bufio.NewReader(from)
	for {
		message, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var rep reply
		if json.Unmarshal(bytes.TrimSuffix(message, []byte{0}), &rep) != nil || rep.ID == 0 {
			continue
		}
		p.mu.Lock()
		waiter := p.waiting[rep.ID]
		delete(p.waiting, rep.ID)
		p.mu.Unlock()
		if waiter != nil {
			waiter <- rep
		}
	}
}

func (p *Page) call(ctx context.Context, method string, params, result any) error {
	p.mu.Lock()
	p.last++
	id, answer := p.last, make(chan reply, 1)
	p.waiting[id] = answer
	message, err := json.Marshal(struct {
		ID      int    `json:"id"`
		Method  string `json:"method"`
		Params  any    `json:"params"`
		Session string `json:"sessionId,omitempty"`
	}{id, method, params, p.session})
	if err == nil {
		_, err = p.to.Write(append(message, 0))
	}
	p.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case rep := <-answer:
		if rep.Error != nil {
			return fmt.Errorf("%s: %s", method, rep.Error.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(rep.Result, result)
	case <-p.gone:
		return fmt.Errorf("%s: the browser has ended", method)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, context.Cause(ctx))
	}
}

// Eval evaluates the body of an asynchronous function in the page and stores
// what it returns in result.
func (p *Page) Eval(ctx context.Context, body string, result any) error {
	var r struct {
		Result    struct{ Value json.RawMessage }
		Exception *struct {
			Text      string
			Exception struct{ Description string }
		} `json:"exceptionDetails"`
	}
	err := p.call(ctx, "Runtime.evaluate", map[string]any{
		"expression":   "(async () => {" + body + "})()",
		"awaitPromise": true, "returnByValue": true,
	}, &r)
	if err != nil {
		return err
	}
	if r.Exception != nil {
		return fmt.Errorf("in the page: %s %s", r.Exception.Text, r.Exception.Exception.Description)
	}
	if result == nil || r.Result.Value == nil {
		return nil
	}
	return json.Unmarshal(r.Result.Value, result)
}

// Resize changes the size of the window, in CSS pixels.
func (p *Page) Resize(ctx context.Context, width, height int) error {
	return p.call(ctx, "Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
}

// Loaded waits until the page and its scripts are loaded. Loading discards what
// is being evaluated, so it asks again.
func (p *Page) Loaded(ctx context.Context) error {
	for {
		var complete bool
		err := p.Eval(ctx, `return document.readyState === "complete" && location.href !== "about:blank";`, &complete)
		if err == nil && complete {
			return nil
		}
		if err != nil && !strings.Contains(err.Error(), "context") {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Go opens another address and waits until it is loaded.
func (p *Page) Go(ctx context.Context, address string) error {
	var went struct{ ErrorText string }
	if err := p.call(ctx, "Page.navigate", map[string]any{"url": address}, &went); err != nil {
		return err
	}
	if went.ErrorText != "" {
		return fmt.Errorf("%s: %s", address, went.ErrorText)
	}
	return p.Loaded(ctx)
}

// Part returns a PNG of the page's upper left corner, of the size in CSS pixels
// and with density pixels to each, also where it is larger than the window.
func (p *Page) Part(ctx context.Context, width, height int, density float64) ([]byte, error) {
	return p.shot(ctx, map[string]any{"format": "png", "captureBeyondViewport": true,
		"clip": map[string]any{"x": 0, "y": 0, "width": width, "height": height, "scale": density}})
}

// Screenshot returns a PNG of the window.
func (p *Page) Screenshot(ctx context.Context) ([]byte, error) {
	return p.shot(ctx, map[string]any{"format": "png"})
}

func (p *Page) shot(ctx context.Context, how map[string]any) ([]byte, error) {
	var shot struct{ Data string }
	if err := p.call(ctx, "Page.captureScreenshot", how, &shot); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(shot.Data)
}

// Type enters text where the cursor is, as a keyboard does.
func (p *Page) Type(ctx context.Context, text string) error {
	return p.call(ctx, "Input.insertText", map[string]any{"text": text}, nil)
}

// Tab presses the key, with Shift or without.
func (p *Page) Tab(ctx context.Context, shift bool) error { return p.Key(ctx, "Tab", shift) }

// keys are the numbers of the keys that Key knows
// (https://learn.microsoft.com/windows/win32/inputdev/virtual-key-codes).
var keys = map[string]int{"Tab": 9, "Enter": 13, "PageUp": 33, "PageDown": 34, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}

// Key presses a key, with Shift or without.
func (p *Page) Key(ctx context.Context, key string, shift bool) error {
	modifiers := 0
	if shift {
		modifiers = 8
	}
	for _, kind := range []string{"rawKeyDown", "keyUp"} {
		err := p.call(ctx, "Input.dispatchKeyEvent", map[string]any{
			"type": kind, "modifiers": modifiers, "key": key, "code": key, "windowsVirtualKeyCode": keys[key]}, nil)
		if err != nil {
			return err
		}
	}
	return nil
}

// Drag presses the mouse button at the first place, in CSS pixels of the
// window, and lets it go at the second; by a finger if touch.
func (p *Page) Drag(ctx context.Context, x0, y0, x1, y1 float64, touch bool) error {
	const moves = 4
	for i := 0; i <= moves+1; i++ {
		t := min(float64(i)/moves, 1)
		x, y := x0+t*(x1-x0), y0+t*(y1-y0)
		method, kind, points := "Input.dispatchMouseEvent", "mouseMoved", []any{}
		if touch {
			method, kind = "Input.dispatchTouchEvent", "touchMove"
		}
		switch {
		case i == 0 && touch:
			kind = "touchStart"
		case i == 0:
			kind = "mousePressed"
		case i > moves && touch:
			kind = "touchEnd"
		case i > moves:
			kind = "mouseReleased"
		}
		if kind != "touchEnd" {
			points = append(points, map[string]any{"x": x, "y": y})
		}
		how := map[string]any{"type": kind, "touchPoints": points}
		if !touch {
			how = map[string]any{"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1}
		}
		if err := p.call(ctx, method, how, nil); err != nil {
			return err
		}
	}
	return nil
}
