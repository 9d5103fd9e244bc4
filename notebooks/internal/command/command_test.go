//go:build unix

package command

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// bookProgram is the package whose commands these are.
const bookProgram = "descent/notebooks"

// program is the program, compiled once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "program-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "notebooks")
	out, err := exec.Command("go", "build", "-o", path, bookProgram).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return path, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// started is a running command with a folder for temporary files of its own, so
// that whatever it leaves behind can be seen.
type started struct {
	*exec.Cmd
	out  *bufio.Reader
	temp string
	errs bytes.Buffer
}

func start(t *testing.T, args ...string) *started {
	t.Helper()
	ready(t)
	s := &started{Cmd: exec.Command(args[0], args[1:]...), temp: t.TempDir()}
	// The test itself may run inside of a session.
	s.Env = append(os.Environ(), "TMPDIR="+s.temp, "DISPLAY=", "WAYLAND_DISPLAY=")
	s.Stderr = &s.errs
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.out = bufio.NewReader(out)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Process.Kill(); s.Wait() })
	return s
}

func launch(t *testing.T, args ...string) *started {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return start(t, append([]string{path}, args...)...)
}

// until reads lines until one holds the text, and returns that line.
func (s *started) until(t *testing.T, text string) string {
	t.Helper()
	for {
		line, err := s.out.ReadString('\n')
		if strings.Contains(line, text) {
			return strings.TrimSpace(line)
		}
		if err != nil {
			s.Wait()
			t.Fatalf("no %q in the output (%v); errors:\n%s", text, err, &s.errs)
		}
	}
}

// gone checks that no process and no file of the command is left.
func (s *started) gone(t *testing.T) {
	t.Helper()
	var files []os.DirEntry
	var processes []string
	for range 200 {
		files, _ = os.ReadDir(s.temp)
		// A killed go command cannot remove its own folder.
		files = slices.DeleteFunc(files, func(f os.DirEntry) bool { return strings.HasPrefix(f.Name(), "go-build") })
		processes = below(s.temp)
		if len(files) == 0 && len(processes) == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("after ten seconds there are still the files %v and the processes %q", files, processes)
}

// below returns the living processes that use the folder for temporary files.
func below(temp string) (found []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		env, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(env, []byte("TMPDIR="+temp)) {
			continue
		}
		line, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
		found = append(found, string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
	}
	return found
}

// endless writes a notebook whose cell says that it runs and never ends.
func endless(t *testing.T) (path, sign string) {
	t.Helper()
	dir := t.TempDir()
	sign = filepath.Join(dir, "runs")
	source, _ := json.Marshal(fmt.Sprintf("%%%%\nos.WriteFile(%q, nil, 0o600)\nfor {\n}", sign))
	path = filepath.Join(dir, "endless.ipynb")
	err := os.WriteFile(path, fmt.Appendf(nil, `{"nbformat":4,"nbformat_minor":5,"metadata":{},"cells":[{"cell_type":"code",
		"id":"a","metadata":{},"outputs":[],"execution_count":null,"source":%s}]}`, source), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return path, sign
}

func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 600 {
		if holds() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("waited in vain for " + what)
}

// However the program ends, nothing of it stays.
func TestRunEndsWithItsCaller(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("looks for processes in /proc")
	}
	ready(t)
	for name, c := range map[string]struct {
		goRun  bool
		signal os.Signal
	}{
		"interrupted":       {false, os.Interrupt},
		"terminated":        {false, syscall.SIGTERM},
		"killed":            {false, syscall.SIGKILL},
		"go run terminated": {true, syscall.SIGTERM},
		"go run killed":     {true, syscall.SIGKILL},
	} {
		t.Run(name, func(t *testing.T) {
			path, sign := endless(t)
			var s *started
			if c.goRun {
				s = start(t, "go", "run", bookProgram, "run", path)
			} else {
				s = launch(t, "run", path)
			}
			waitFor(t, "the cell", func() bool { _, err := os.Stat(sign); return err == nil })
			s.Process.Signal(c.signal)
			s.Wait()
			s.gone(t)
		})
	}
}

// kernel starts a kernel in the server, as the page does.
func kernel(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequestWithContext(t.Context(), "POST", "http://"+u.Host+"/api/kernels", strings.NewReader(`{"name":"gonb"}`))
	req.Header.Set("Authorization", "token "+u.Query().Get("token"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusCreated {
		t.Fatalf("no kernel: %s %s", resp.Status, body)
	}
}

func TestOpenEndsWithItsCaller(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("looks for processes in /proc")
	}
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			// Another run of this test on the machine takes another port.
			s := launch(t, "-port", strconv.Itoa(18000+os.Getpid()%1000))
			address := s.until(t, "http://127.0.0.1:")
			kernel(t, address)
			waitFor(t, "the kernel", func() bool { return len(below(s.temp)) >= 3 })
			for _, line := range below(s.temp) {
				if token := address[strings.Index(address, "token=")+6:]; strings.Contains(line, token) {
					t.Errorf("the token is on a command line: %s", line)
				}
			}
			s.Process.Signal(signal)
			err := s.Wait()
			if signal == syscall.SIGINT && err != nil {
				t.Errorf("Ctrl-C is how one leaves, yet %v:\n%s", err, &s.errs)
			}
			s.gone(t)
		})
	}
}

// A taken port is no obstacle, nor are two servers on one checkout.
func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	first := launch(t, "-port", fmt.Sprint(port))
	second := launch(t, "-port", fmt.Sprint(port))
	a, b := first.until(t, "http://"), second.until(t, "http://")
	if own := fmt.Sprintf(":%d/", port); a[:25] == b[:25] || strings.Contains(a, own) || strings.Contains(b, own) {
		t.Errorf("port %d was taken, and these do not differ: %s, %s", port, a, b)
	}
}

// On a read-only file system notebooks run, and only saving fails.
func TestReadOnlyCheckout(t *testing.T) {
	env := ready(t)
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	script := `mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && cd "$1/notebooks" || exit 77
		! touch x 2> /dev/null || exit 77
		"$2" run -o "$3" internal/testdata/sample.ipynb && ! "$2" run -inplace internal/testdata/sample.ipynb`
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "sh", "-c", script, "sh", env.Repo, path, out)
	text, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() == 77 || bytes.Contains(text, []byte("unshare")) {
		t.Skipf("cannot mount the checkout read-only: %v %s", err, text)
	}
	if err != nil || !bytes.Contains(text, []byte("is the folder there and writable?")) {
		t.Errorf("%v\n%s", err, text)
	}
	if _, err := os.Stat(filepath.Join(out, "sample.ipynb")); err != nil {
		t.Error(err)
	}
}

func TestArguments(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.ipynb")
	os.WriteFile(broken, []byte("<html>"), 0o600)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"bake"}, `no command "bake"`},
		{[]string{"run"}, "at least one notebook"},
		{[]string{"run", "-o", dir, "-inplace", broken}, "exclude each other"},
		{[]string{"run", broken, filepath.Join(dir, "none.ipynb")}, "not JSON"},
		{[]string{"run", broken, filepath.Join(dir, "none.ipynb")}, "no such notebook"},
		{[]string{"check", broken}, "not JSON"},
		{[]string{"open", broken}, "not JSON"},
		{[]string{"open", "a", "b"}, "one notebook"},
	} {
		err := dispatch(t.Context(), c.args)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.args, err, c.want)
		}
	}
}
