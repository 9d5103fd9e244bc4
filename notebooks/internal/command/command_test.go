//go:build unix

package command

import (
	"bufio"
	"bytes"
	"descent/notebooks/internal/setup/setuptest"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
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

const (
	// launcherPackage is what the reader runs, and bookPackage the program that
	// it starts.
	launcherPackage = "descent/notebooks"
	bookPackage     = "descent/notebooks/internal/book"
)

// programDir is where the program is compiled to; TestMain makes it.
var programDir string

// program is the program, compiled once.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(programDir, "notebooks")
	out, err := exec.Command("go", "build", "-o", path, bookPackage).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return path, err
})

func TestMain(m *testing.M) {
	// Those who run the tests may have asked them to stay (nohup), which the
	// programs that they start would inherit.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	dir, err := os.MkdirTemp("", "program-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	programDir = dir
	code := m.Run()
	os.RemoveAll(dir)
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
	setuptest.Ready(t)
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
	var processes []int
	defer func() {
		if t.Failed() {
			t.Logf("there are still the files %v and the processes %s", files, commandLines(processes))
		}
	}()
	waitFor(t, "the end of all processes and files", func() bool {
		files, _ = os.ReadDir(s.temp)
		// A killed go command cannot remove its own folder.
		files = slices.DeleteFunc(files, func(f os.DirEntry) bool { return strings.HasPrefix(f.Name(), "go-build") })
		processes = below(s.temp)
		return len(files) == 0 && len(processes) == 0
	})
}

// below returns the living processes that use the folder for temporary files.
func below(temp string) (found []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		env, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(env, []byte("TMPDIR="+temp)) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			found = append(found, pid)
		}
	}
	return found
}

func commandLines(pids []int) (lines []string) {
	for _, pid := range pids {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		lines = append(lines, string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
	}
	return lines
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
	// However busy the machine is: a test that waits in vain is red, one that
	// waits long is not.
	for start := time.Now(); time.Since(start) < 3*time.Minute; time.Sleep(50 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatal("waited in vain for " + what)
}

// However the program ends, nothing of it stays.
func TestRunEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("looks for processes in /proc")
	}
	setuptest.Ready(t)
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
				s = start(t, "go", "run", launcherPackage, "run", path)
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
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("looks for processes in /proc")
	}
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			s := launch(t, "-port", freePort(t))
			address := s.until(t, "http://127.0.0.1:")
			kernel(t, address)
			waitFor(t, "the kernel", func() bool { return len(below(s.temp)) >= 3 })
			for _, line := range commandLines(below(s.temp)) {
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

// A book in the background stays when it was asked to, also when the terminal
// closes, and otherwise ends with the shell that started it.
func TestOpenInBackground(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("looks for processes in /proc")
	}
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	for how, stays := range map[string]bool{"": false, "nohup": true, "setsid": true} {
		t.Run("started with "+how, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			s := start(t, "sh", "-c", how+` "$@" >"$0" 2>&1 & echo started; exec sleep 300`, out, path, "-port", freePort(t))
			t.Cleanup(func() { // the shell's end is not its end
				for _, pid := range below(s.temp) {
					syscall.Kill(pid, syscall.SIGKILL)
				}
			})
			s.until(t, "started")
			var address string
			waitFor(t, "the address", func() bool {
				text, _ := os.ReadFile(out)
				_, address, _ = strings.Cut(string(text), "\n    http://")
				return strings.Contains(address, "\n")
			})
			address, _, _ = strings.Cut("http://"+address, "\n")
			s.Process.Kill()
			s.Wait()
			if !stays {
				s.gone(t)
				return
			}
			book := slices.DeleteFunc(below(s.temp), func(pid int) bool {
				return !strings.HasPrefix(commandLines([]int{pid})[0], path)
			})
			if len(book) != 1 {
				t.Fatalf("the book is %d processes, want 1", len(book))
			}
			if how == "nohup" { // setsid has no terminal that could close
				syscall.Kill(book[0], syscall.SIGHUP)
			}
			time.Sleep(time.Second) // it looks for its parent four times a second
			kernel(t, address)
			syscall.Kill(book[0], syscall.SIGTERM)
			s.gone(t)
		})
	}
}

// freePort returns a port to begin looking at: if it is taken until then, the
// next one serves as well.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// A taken port is no obstacle, nor are two servers on one checkout.
func TestPortInUse(t *testing.T) {
	t.Parallel()
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
	// Others know the port of a server: it takes no other.
	server := launch(t, "serve", "-ip", "127.0.0.1", "-port", fmt.Sprint(port))
	if err := server.Wait(); err == nil || !strings.Contains(server.errs.String(), fmt.Sprintf("cannot listen on port %d", port)) {
		t.Errorf("port %d was taken: %v, %s", port, err, &server.errs)
	}
}

// On a read-only file system notebooks run, and only saving fails.
func TestReadOnlyCheckout(t *testing.T) {
	t.Parallel()
	env := setuptest.Ready(t)
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
