//go:build linux

// Command check builds the image and looks at it from outside, as docker/test
// says.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/coder/websocket"
)

const (
	largest   = 1_800_000_000   // bytes of image
	firstCell = 3 * time.Second // until it answers
	stopLimit = 5 * time.Second
	chapter   = "05-linear-model.ipynb"
	reader    = 1000
)

func main() {
	if spec := os.Getenv(launchVar); spec != "" {
		fmt.Fprintln(os.Stderr, "the container does not start:", first(spec))
		os.Exit(125)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	top := flag.String("top", "../../..", "the checkout")
	name := flag.String("engine", "buildah", "docker or buildah")
	arch := flag.String("arch", runtime.GOARCH, "the processor to build for")
	picture := flag.String("screenshot", "", "a `file` for a picture of JupyterLab (needs chromium)")
	built := flag.Bool("built", false, "look at the image that the last run has built")
	only := flag.String("only", "", "the `name` of one check, as it is printed before it")
	whole := flag.Bool("whole", false, "run the whole book in the container also where it is emulated: an hour or two")
	flag.Parse()
	var e engine = buildah{"descent-test-" + *arch, *arch}
	if *name == "docker" {
		e = docker{"descent-test"}
	}
	t := &test{engine: e, top: *top, built: *built, picture: *picture, emulated: *arch != runtime.GOARCH, whole: *whole, report: newReport()}
	if !*built {
		start := time.Now()
		if err := e.build(ctx, *top, ""); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		t.report.took("build", time.Since(start), "less what was built before")
	}
	// What hangs must end some time; what is slow is judged by its own limits.
	limit := time.Hour
	if t.emulated {
		limit *= 4
	}
	for _, check := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"image", t.looks}, {"session", t.session}, {"restart", t.restart},
		{"other owner", t.otherOwner}, {"Binder", t.binder},
		{"JupyterHub", t.jupyterhub}, {"dev container", t.devcontainer}, {"commands", t.commands},
	} {
		if *only != "" && check.name != *only {
			continue
		}
		fmt.Printf("== %s\n", check.name)
		ctx, cancel := context.WithTimeout(ctx, limit)
		err := check.do(ctx)
		cancel()
		if err != nil {
			t.fail(err)
		}
	}
	t.report.print(*arch, *name)
	if t.failed {
		fmt.Println("FAILED")
		os.Exit(1)
	}
	fmt.Println("ok")
}

type test struct {
	engine   engine
	top      string // the checkout
	built    bool   // look at what was built before
	picture  string
	report   *report
	emulated bool // times mean nothing
	whole    bool // all notebooks although emulated
	failed   bool
	work     string // the reader's folder, kept from session to restart
}

func (t *test) fail(err error) {
	t.failed = true
	fmt.Printf("   FAILED: %v\n", err)
}

func (t *test) check(ok bool, what string, args ...any) {
	if ok {
		fmt.Printf("   ok: "+what+"\n", args...)
	} else {
		t.fail(fmt.Errorf(what, args...))
	}
}

// looks checks what the image is made of.
func (t *test) looks(ctx context.Context) error {
	img, err := t.engine.inspect(ctx, "")
	if err != nil {
		return err
	}
	t.check(!slices.Contains([]string{"", "0", "root"}, img.user), "runs as %q", img.user)
	t.check(slices.Contains(img.entrypoint, "tini"), "starts with %q", img.entrypoint)
	t.check(len(img.health) > 0, "has the health check %q", img.health)
	for _, kv := range img.env {
		if strings.Contains(strings.ToUpper(kv), "TOKEN") {
			t.check(false, "the image holds a token: %s", kv)
		}
	}
	layers, err := t.engine.layers(ctx)
	if err != nil {
		return err
	}
	size := t.report.sizes(layers)
	t.check(size < largest, "size: %d MB of at most %d", size/1e6, int(largest)/1e6)
	return nil
}

var address = regexp.MustCompile(`http://127\.0\.0\.1:8888(/lab\S*)\?token=(\S+)`)

// up starts a container and waits until it has printed its address. The report
// has the time under the name, unless that is empty.
func (t *test) up(ctx context.Context, name string, opt options) (container, *server, error) {
	start := time.Now()
	c, err := t.engine.start(ctx, opt)
	if err != nil {
		return nil, nil, err
	}
	for {
		if m := address.FindAllStringSubmatch(c.output(), -1); len(m) > 0 {
			if name != "" {
				t.report.took(name, time.Since(start), "until it prints its address")
			}
			t.check(len(m) == 1, "prints one address, %s", m[0][1])
			return c, newServer(c.host(), m[0][2], c.dial), nil
		}
		select {
		case <-c.done():
			return c, nil, fmt.Errorf("the container has ended:\n%s", c.output())
		case <-ctx.Done():
			return c, nil, fmt.Errorf("no address: %w\n%s", ctx.Err(), c.output())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// folder makes a folder to mount that belongs to the user.
func folder(user int) (string, error) {
	dir, err := os.MkdirTemp("", "descent-work-")
	if err == nil {
		err = os.Chown(dir, user, user)
	}
	return dir, err
}

func (t *test) session(ctx context.Context) error {
	var err error
	if t.work, err = folder(reader); err != nil {
		return err
	}
	c, s, err := t.up(ctx, "start", options{work: t.work, old: true})
	if c != nil {
		defer c.remove()
	}
	if err != nil {
		return err
	}
	if err := t.refuses(ctx, s); err != nil {
		return err
	}
	if t.picture != "" {
		if err := t.screenshot(ctx, c, s); err != nil {
			return err
		}
	}
	img, err := t.engine.inspect(ctx, "")
	if err != nil {
		return err
	}
	_, err = c.exec(ctx, img.health...)
	t.check(err == nil, "the health check passes, %v", err)

	if err := t.runsChapter(ctx, s, true); err != nil {
		return err
	}
	if err := t.isolated(ctx, s); err != nil {
		return err
	}
	if err := t.completes(ctx, s); err != nil {
		return err
	}

	// What a reader does to a notebook, for restart to find.
	n, err := s.read(ctx, "work/"+chapter)
	if err != nil {
		return err
	}
	n.Content = []byte(strings.Replace(string(n.Content), `"cells": [`, `"cells": [{"cell_type":"markdown","metadata":{},"source":"`+own+`"}, `, 1))
	if err := s.write(ctx, "work/"+chapter, n); err != nil {
		return err
	}
	return t.stops(ctx, c, s)
}

const own = "a note of the reader's own"

// refuses checks that nothing is to be had without the token.
func (t *test) refuses(ctx context.Context, s *server) error {
	for _, token := range []string{"", "wrong", s.token[1:]} {
		for _, try := range []struct{ method, path string }{
			{"GET", "/api/contents"}, {"POST", "/api/kernels"}, {"GET", "/api/sessions"}, {"POST", "/api/terminals"},
			{"GET", "/files/work/" + chapter}, {"GET", "/lab"},
		} {
			status, _, err := s.do(ctx, try.method, try.path, token, nil)
			if err != nil {
				return err
			}
			// The page leads to the one that asks for the token.
			if status != http.StatusForbidden && !(status == http.StatusFound && !strings.HasPrefix(try.path, "/api")) {
				t.check(false, "%s %s with the token %q: %d", try.method, try.path, token, status)
			}
		}
	}
	var k struct{ ID string }
	if err := s.call(ctx, "POST", "/api/kernels", map[string]string{"name": "gonb"}, &k); err != nil {
		return err
	}
	_, res, err := websocket.Dial(ctx, "ws://"+s.host+"/api/kernels/"+k.ID+"/channels", &websocket.DialOptions{HTTPClient: s.http})
	t.check(err != nil && res != nil && res.StatusCode == http.StatusForbidden, "refuses everything without the token, a running kernel too")
	return s.call(ctx, "DELETE", "/api/kernels/"+k.ID, nil, nil)
}

// runsChapter executes chapter 5 over the server's own API; measured: the
// report has the times, and the first cell must be fast.
func (t *test) runsChapter(ctx context.Context, s *server, measured bool) error {
	file, err := s.read(ctx, "work/"+chapter)
	if err != nil {
		return err
	}
	var n notebook
	if err := json.Unmarshal(file.Content, &n); err != nil {
		return err
	}
	began := time.Now()
	k, err := s.start(ctx, "work/"+chapter)
	if err != nil {
		return err
	}
	defer k.close()
	kernelTook := time.Since(began)
	var first, all, waited time.Duration
	cells, pictures, text := 0, 0, ""
	for _, c := range n.Cells {
		if c.Type != "code" {
			continue
		}
		w := newWatch()
		out, err := k.execute(ctx, c.Source)
		if err != nil {
			return fmt.Errorf("%s: %w", chapter, err)
		}
		took, wait := w.read()
		if cells++; cells == 1 {
			first, waited = took, wait
		}
		all += took
		pictures += out.pictures
		text += out.text
	}
	t.check(pictures >= 3 && strings.Contains(text, "1.540227"), "%s shows %d pictures and the least-squares slope", chapter, pictures)
	if measured {
		t.report.took("kernel", kernelTook, "until it answers")
		t.report.took("first cell", first, fmt.Sprintf("of %s; programs waited for a processor for %.1f s of it", chapter, waited.Seconds()))
		t.report.took("all cells", all, fmt.Sprintf("of %s, %d", chapter, cells))
		t.check(t.emulated || first-waited < firstCell, "its first cell answers after %.1f s", first.Seconds())
	}
	return nil
}

// isolated looks from inside of a cell.
func (t *test) isolated(ctx context.Context, s *server) error {
	k, err := s.start(ctx, "work/isolated.ipynb")
	if err != nil {
		return err
	}
	defer k.close()
	out, err := k.execute(ctx, `
import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"descent/mlkit/datasets"
)
%%
fmt.Println("uid", os.Getuid())
status, _ := os.ReadFile("/proc/self/status")
for line := range strings.Lines(string(status)) {
	if strings.HasPrefix(line, "CapEff") { fmt.Print(line) }
}
for _, dir := range []string{"/", "/etc", "/usr", "/usr/local/bin", "/usr/local/go", "/opt", "/opt/descent", "/opt/descent/notebooks",
	"/opt/setup", "/opt/setup/descent", "/root", "/var", "/home"} {
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err == nil { fmt.Println("WRITABLE", dir) }
}
changed := 0
filepath.WalkDir("/opt", func(path string, d os.DirEntry, err error) error {
	if err == nil && d.Type().IsRegular() && !strings.HasSuffix(path, "lock") && filepath.Base(path) != "trim.txt" {
		if f, err := os.OpenFile(path, os.O_WRONLY, 0); err == nil {
			f.Close()
			info, _ := d.Info()
			// gopls, which the kernel has started, adds to what it remembers.
			own := strings.HasPrefix(path, "/opt/go/gopls/") && info.Sys().(*syscall.Stat_t).Uid == uint32(os.Getuid())
			if !strings.HasPrefix(path, "/opt/go/build/") && !own { changed++; fmt.Println("WRITABLE", path, info.Mode()) }
		}
	}
	return nil
})
ifs, _ := net.Interfaces()
for _, i := range ifs { fmt.Println("interface", i.Name) }
env := append(os.Environ(), "GOWORK=off", "GOFLAGS=")
for _, m := range datasets.Modules() {
	cmd := exec.Command("go", "mod", "download", m)
	cmd.Dir, cmd.Env = os.TempDir(), env
	if out, err := cmd.CombinedOutput(); err != nil { fmt.Println("MISSING", m, err, string(out)) }
}
`)
	if err != nil {
		return err
	}
	t.check(!strings.Contains(out.text, "uid 0\n") && strings.Contains(out.text, "uid "), "uid is not 0")
	t.check(strings.Contains(out.text, "CapEff:\t0000000000000000"), "a cell has no capabilities")
	t.check(!strings.Contains(out.text, "WRITABLE"), "system folders are not writable")
	t.check(strings.Count(out.text, "interface") <= 2 && !strings.Contains(out.text, "MISSING"), "the data are there without a network")
	if t.failed {
		fmt.Println(out.text)
	}
	return nil
}

func (t *test) completes(ctx context.Context, s *server) error {
	k, err := s.start(ctx, "work/completes.ipynb")
	if err != nil {
		return err
	}
	defer k.close()
	if _, err := k.execute(ctx, "import (\"descent/mlkit/nn\"; \"descent/mlkit/optim\")\nvar _ = nn.NewLinear\nvar _ = optim.SGD"); err != nil {
		return err
	}
	start := time.Now()
	tries := 0
	for ctx.Err() == nil && (t.emulated || time.Since(start) < 2*time.Minute) {
		tries++
		began := time.Now()
		matches, err := k.complete(ctx, "%%\nlayer := nn.NewLin")
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(matches, func(m string) bool { return strings.Contains(m, "NewLinear") }); i >= 0 {
			t.check(true, "Tab offers %s", matches[i])
			t.report.took("completion", time.Since(start), fmt.Sprintf("from the kernel's first cell on; the answer itself %.1f s (try %d)", time.Since(began).Seconds(), tries))
			text, err := k.inspect(ctx, "%%\nstep := optim.SGD")
			t.check(strings.Contains(text, "SGD"), "Shift-Tab shows %.60q", text)
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
	return fmt.Errorf("no completion after %d tries", tries)
}

// stops ends the container while cells are at work.
func (t *test) stops(ctx context.Context, c container, s *server) error {
	k, err := s.start(ctx, "work/endless.ipynb")
	if err != nil {
		return err
	}
	defer k.close()
	if _, err := k.send(ctx, "execute", program("import \"os/exec\"\n%%\nexec.Command(\"sleep\", \"1000\").Start()\nfor {}")); err != nil {
		return err
	}
	for {
		out, err := c.exec(ctx, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
		if strings.Contains(out, "sleep 1000") {
			break
		}
		if ctx.Err() != nil {
			return fmt.Errorf("the endless cell does not start: %w", errors.Join(ctx.Err(), err))
		}
		time.Sleep(100 * time.Millisecond)
	}
	code, took, err := c.stop(ctx)
	if err != nil {
		return err
	}
	t.report.took("stop", took, "with an endless cell at work")
	t.check(took < stopLimit && code == 0, "SIGTERM ends an endless cell and all else after %.1f s, exit code %d", took.Seconds(), code)
	left, err := c.left(ctx)
	t.check(left == "", "nothing is left in /tmp: %q", left)
	return err
}

// restart checks that the reader's notebooks outlive the container.
func (t *test) restart(ctx context.Context) error {
	token := rand.Text()
	c, s, err := t.up(ctx, "restart", options{work: t.work, env: []string{"JUPYTER_TOKEN=" + token}})
	if c != nil {
		defer c.remove()
	}
	if err != nil {
		return err
	}
	t.check(s.token == token, "takes a token from the environment")
	has := func(path string) bool {
		n, err := s.read(ctx, path)
		if err != nil {
			t.fail(err)
		}
		return strings.Contains(string(n.Content), own)
	}
	t.check(has("work/"+chapter), "the reader's notebook is still there")
	t.check(!has("original/notebooks/"+chapter), "beside the original")
	n, err := s.read(ctx, "original/notebooks/"+chapter)
	if err != nil {
		return err
	}
	t.check(s.write(ctx, "original/notebooks/"+chapter, n) != nil, "which cannot be changed")
	out, err := c.exec(ctx, "book", "restore", chapter)
	if err != nil {
		return err
	}
	t.check(!has("work/"+chapter) && has("work/05-linear-model.yours-1.ipynb"), "restored: %s", strings.TrimSpace(out))
	code, took, err := c.stop(ctx)
	t.check(code == 0 && took < stopLimit, "stopped after %.1f s", took.Seconds())
	return errors.Join(err, os.RemoveAll(t.work))
}

// otherOwner mounts a folder of another user's.
func (t *test) otherOwner(ctx context.Context) error {
	dir, err := folder(4242)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c, err := t.engine.start(ctx, options{work: dir})
	if err != nil {
		return err
	}
	defer c.remove()
	select {
	case <-c.done():
	case <-ctx.Done():
		return ctx.Err()
	}
	t.check(strings.Contains(c.output(), "--user 4242:4242"), "a folder of user 4242: says %s", strings.TrimSpace(c.output()))
	d, s, err := t.up(ctx, "", options{work: dir, user: "4242:4242"})
	if d != nil {
		defer d.remove()
	}
	if err != nil {
		return err
	}
	if err := t.runsChapter(ctx, s, false); err != nil {
		return err
	}
	info, err := os.Stat(filepath.Join(dir, chapter))
	if err != nil {
		return err
	}
	t.check(info.Sys().(*syscall.Stat_t).Uid == 4242, "as that user it works, and the notebooks are theirs")
	code, _, err := d.stop(ctx)
	t.check(code == 0, "stopped")
	return err
}

// binder starts the image as BinderHub does: with its command line, its user
// (the image's, 1000) and its environment, and no volume.
func (t *test) binder(ctx context.Context) error {
	const base, token = "/user/descent-0a1b2c3d", "QmluZGVySHViIG1ha2VzIG9uZQ"
	args := []string{"jupyter-notebook", "--ip=0.0.0.0", "--port=8888"}
	for _, app := range []string{"NotebookApp", "ServerApp"} {
		for _, set := range []string{"base_url=" + base + "/", "token=" + token, "trust_xheaders=True", "default_url=/lab", "allow_origin=*", "allow_origin_pat=.*"} {
			args = append(args, "--"+app+"."+set)
		}
	}
	c, err := t.engine.start(ctx, options{args: args, env: []string{
		"BINDER_LAUNCH_HOST=https://mybinder.org/", "BINDER_REPO_URL=https://github.com/OWNER/descent", "BINDER_REF_URL=https://github.com/OWNER/descent/tree/main",
		"JUPYTERHUB_API_TOKEN=0", "JUPYTERHUB_BASE_URL=/", "JUPYTERHUB_SERVICE_PREFIX=" + base + "/", "JUPYTERHUB_USER=descent-0a1b2c3d",
		"JUPYTER_IMAGE=descent", "JUPYTER_IMAGE_SPEC=descent", "MEM_LIMIT=2147483648",
	}})
	if err != nil {
		return err
	}
	defer c.remove()
	s := newServer(c.host(), token, c.dial)
	s.base = base
	if err := answers(ctx, c, s); err != nil {
		return err
	}
	status, _, err := s.do(ctx, "GET", "/api/contents", "", nil)
	t.check(err == nil && status == http.StatusForbidden, "as BinderHub starts it, it answers below %s and refuses without the token: %d, %v", base, status, err)
	status, _, err = s.do(ctx, "GET", "/lab", token, nil)
	t.check(err == nil && status == http.StatusOK, "shows JupyterLab: %d, %v", status, err)
	if err := t.trusted(ctx, s); err != nil {
		return err
	}
	if err := t.runsChapter(ctx, s, false); err != nil {
		return err
	}
	code, took, err := c.stop(ctx)
	t.check(code == 0 && took < stopLimit, "stopped after %.1f s, exit code %d", took.Seconds(), code)
	return err
}

// trusted checks that the server shows the scripts of the book's own figures,
// such as sliders.
func (t *test) trusted(ctx context.Context, s *server) error {
	file, err := s.read(ctx, "work/"+chapter)
	if err != nil {
		return err
	}
	var n struct {
		Cells []struct {
			Type     string `json:"cell_type"`
			Metadata struct{ Trusted bool }
		}
	}
	if err := json.Unmarshal(file.Content, &n); err != nil {
		return err
	}
	code, trusted := 0, 0
	for _, c := range n.Cells {
		if c.Type == "code" {
			code++
			if c.Metadata.Trusted {
				trusted++
			}
		}
	}
	t.check(code > 0 && trusted == code, "trusts %d of %d cells of %s", trusted, code, chapter)
	return nil
}

// answers waits until the server answers.
func answers(ctx context.Context, c container, s *server) error {
	for {
		if status, _, err := s.do(ctx, "GET", "/api", "", nil); err == nil && status == http.StatusOK {
			return nil
		}
		select {
		case <-c.done():
			return fmt.Errorf("the container has ended:\n%s", c.output())
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w\n%s", ctx.Err(), c.output())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// commands runs the book's own commands, and others, in the container.
func (t *test) commands(ctx context.Context) error {
	c, _, err := t.up(ctx, "", options{})
	if c != nil {
		defer c.remove()
	}
	if err != nil {
		return err
	}
	// A kernel for another processor beside it would be a build gone wrong and
	// mended.
	parts, err := c.exec(ctx, "sh", "-c", "ls $DESCENT_SHARED | sed 's/-.*//'")
	t.check(parts == "python\ntools\n", "has one Python environment and one kernel: %q, %v", parts, err)
	start := time.Now()
	which := "notebooks/*.ipynb"
	if t.emulated && !t.whole {
		which = "notebooks/" + chapter
	}
	out, err := c.exec(ctx, "sh", "-c", "start-book run -smoke -timeout 30m "+which)
	if err != nil {
		return fmt.Errorf("%s: %w", which, err)
	}
	t.check(true, "%s: %d run without a network", which, strings.Count(out, "  ok, "))
	t.report.took("the book", time.Since(start), which+", what trains for minutes in miniature")
	// As JupyterHub and Binder start theirs.
	out, err = c.exec(ctx, "start-book", "python3", "-c", "import jupyterlab, os; print(jupyterlab.__version__, os.getcwd())")
	t.check(err == nil && strings.Contains(out, "/home/reader"), "another program finds JupyterLab: %s %v", strings.TrimSpace(out), err)
	out, err = c.exec(ctx, "start-book", "jupyter", "kernelspec", "list")
	t.check(err == nil && strings.Contains(out, "gonb"), "and the kernel: %v", err)
	return nil
}
