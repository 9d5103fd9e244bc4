package formats_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"descent/mlkit/formats"
)

func TestWriteFileLeavesTheOldOne(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.npy")
	good := formats.Array{Dims: []int{1}, Data: []float32{1}}
	if err := formats.SaveNPY(path, good); err != nil {
		t.Fatal(err)
	}
	if err := formats.SaveNPY(path, formats.Array{Dims: []int{2}, Data: []float32{1}}); err == nil {
		t.Error("no error")
	}
	if a, err := formats.LoadNPY(path); err != nil || !reflect.DeepEqual(a, good) {
		t.Errorf("%v %v", a, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if err := formats.SaveNPY(filepath.Join(path, "below a file"), good); err == nil {
		t.Error("no error")
	}
}

// What killed processes left behind is swept at once, and nothing else: neither
// what another process is writing nor what only looks alike.
func TestSweepOfKilledProcesses(t *testing.T) {
	if os.Getenv("MLKIT_WRITE") != "" { // the other process: it dies, or waits, in the middle of writing
		formats.WriteFile(os.Getenv("MLKIT_WRITE"), func(w io.Writer) error {
			w.Write(make([]byte, 1<<20))
			fmt.Println("writing")
			io.Copy(io.Discard, os.Stdin)
			return errors.New("end")
		})
		return
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "a[1]*.npy") // no pattern
	start := func() (*exec.Cmd, io.Closer) {
		c := exec.Command(os.Args[0], "-test.run=TestSweepOfKilledProcesses$")
		c.Env = append(os.Environ(), "MLKIT_WRITE="+path)
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); errors.Is(err, syscall.ENOEXEC) {
			t.Skip("this system cannot start the test program by itself (an emulator runs it)")
		} else if err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "writing\n" {
			t.Fatalf("%q %v", line, err)
		}
		return c, in
	}
	hidden := func() int {
		left, _ := os.ReadDir(dir)
		n := 0
		for _, e := range left {
			if strings.HasPrefix(e.Name(), ".a[1]*.npy.") {
				n++
			}
		}
		return n
	}
	for range 3 {
		c, _ := start()
		c.Process.Kill()
		c.Wait()
	}
	// Each sweeps what the one before it left: one remains, and nothing is lost
	// to a process that still writes.
	if n := hidden(); n != 1 {
		t.Errorf("%d temporary files after three kills", n)
	}
	alive, in := start()
	mine := []string{".a[1]*.npy.notes.tmp", ".a[1]*.npy.1.2.tmp", ".b.npy.3.tmp", ".a[1]*.npy.4.tmpx"}
	for _, name := range mine {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := formats.SaveNPY(path, formats.Array{Dims: []int{1}, Data: []float32{1}}); err != nil {
		t.Fatal(err)
	}
	if n := hidden(); n != 1+3 {
		t.Errorf("%d files: want that of the process at work and three of others", n)
	}
	in.Close()
	alive.Wait()
	for _, name := range mine {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	func() { // a panic leaves nothing either
		defer func() { recover() }()
		formats.WriteFile(path, func(io.Writer) error { panic("a bug") })
	}()
	if n := hidden(); n != 3 {
		t.Errorf("%d files after a panic", n)
	}
}

// Modes, links and what is no file.
func TestWriteFileReplacesAsCreateDoes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes and links of Unix")
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(name string) error {
		return formats.WriteFile(at(name), func(w io.Writer) error { _, err := io.WriteString(w, "new"); return err })
	}
	mode := func(name string) os.FileMode {
		info, err := os.Lstat(at(name))
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode()
	}
	created, err := os.Create(at("created"))
	if err != nil {
		t.Fatal(err)
	}
	created.Close()
	if err := write("fresh"); err != nil || mode("fresh") != mode("created") {
		t.Errorf("%v; a new file has %v, os.Create's %v", err, mode("fresh"), mode("created"))
	}
	for _, m := range []os.FileMode{0o600, 0o640, 0o664, 0o755, 0o666} {
		if err := os.WriteFile(at("old"), nil, 0o666); err != nil {
			t.Fatal(err)
		}
		os.Chmod(at("old"), m)
		if err := write("old"); err != nil || mode("old") != m {
			t.Errorf("%v; %v became %v", err, m, mode("old"))
		}
	}
	os.MkdirAll(at("far/deep"), 0o777)
	for link, to := range map[string]string{"link": "old", "absolute": at("far/file"), "chain": "far/back", "far/back": "../old", "dangling": "far/deep/yet to be"} {
		if err := os.Symlink(to, at(link)); err != nil {
			t.Fatal(err)
		}
	}
	for link, file := range map[string]string{"link": "old", "absolute": "far/file", "chain": "old", "dangling": "far/deep/yet to be"} {
		os.WriteFile(at("old"), nil, 0o600)
		if err := write(link); err != nil || mode(link)&os.ModeSymlink == 0 {
			t.Errorf("%s: %v, is %v", link, err, mode(link))
		}
		if text, err := os.ReadFile(at(file)); err != nil || string(text) != "new" {
			t.Errorf("%s: %s holds %q, %v", link, file, text, err)
		}
	}
	os.Symlink("round", at("round"))
	os.Symlink("/dev/null", at("nothing"))
	os.Mkdir(at("folder"), 0o777)
	for name, why := range map[string]string{"round": "too many symbolic links", "nothing": "a device", "folder": "a folder"} {
		if err := write(name); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, want %q", name, err, why)
		}
		if err := formats.CheckWritable(at(name)); err == nil {
			t.Errorf("%s is called writable", name)
		}
	}
	if err := formats.CheckWritable(at("a/b/c")); err != nil {
		t.Error(err)
	}
	if os.Geteuid() != 0 { // root may write anywhere
		os.Chmod(at("old"), 0o400)
		os.Chmod(at("far"), 0o500)
		defer os.Chmod(at("far"), 0o700)
		for _, name := range []string{"old", "far/new"} {
			if err := write(name); !errors.Is(err, os.ErrPermission) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, e := range must(os.ReadDir(dir)) {
		if strings.HasSuffix(e.Name(), ".tmp") {
			t.Error("left: ", e.Name())
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
