//go:build linux

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// buildah builds where there is no Docker engine and no image registry: over
// the stand-ins of docker/base-image. It runs containers itself, with
// namespaces and a chroot, because `buildah run` knows nothing of ENTRYPOINT.
type buildah struct{ tag, arch string }

func (b buildah) build(ctx context.Context, top, target string) error {
	args := []string{"bud", "--pull-never", "--layers", "--platform", "linux/" + b.arch,
		"--build-arg", "BUILDPLATFORM=linux/" + runtime.GOARCH, // Debian 12's does not know it
		"--format", "docker", // the other one has no HEALTHCHECK
		"-f", top + "/docker/Dockerfile", "-t", tagged(b.tag, target)}
	if target != "" {
		args = append(args, "--target", target)
	}
	return show(ctx, "buildah", append(args, top)...)
}

func (b buildah) inspect(ctx context.Context, target string) (image, error) {
	var i struct {
		Docker struct {
			Config json.RawMessage `json:"config"`
		}
	}
	if err := decode(ctx, &i, "buildah", "inspect", "--type", "image", tagged(b.tag, target)); err != nil {
		return image{}, err
	}
	return parse(i.Docker.Config)
}

// decode runs a program that prints JSON.
func decode(ctx context.Context, value any, name string, args ...string) error {
	out, err := run(ctx, name, args...)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(out), value)
}

func (b buildah) layers(ctx context.Context) ([]layer, error) {
	var i struct {
		OCIv1 struct {
			History []struct {
				By    string `json:"created_by"`
				Empty bool   `json:"empty_layer"`
			} `json:"history"`
			RootFS struct {
				Digests []string `json:"diff_ids"`
			} `json:"rootfs"`
		}
	}
	if err := decode(ctx, &i, "buildah", "inspect", "--type", "image", b.tag); err != nil {
		return nil, err
	}
	var info struct {
		Store struct{ GraphDriverName, GraphRoot string }
	}
	if err := decode(ctx, &info, "buildah", "info"); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(info.Store.GraphRoot, info.Store.GraphDriverName+"-layers", "layers.json"))
	if err != nil {
		return nil, err
	}
	var stored []struct {
		Digest string `json:"diff-digest"`
		Size   int64  `json:"diff-size"`
	}
	if err := json.Unmarshal(data, &stored); err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	for _, l := range stored {
		sizes[l.Digest] = l.Size
	}
	var layers []layer
	for _, h := range i.OCIv1.History {
		if h.Empty {
			continue
		}
		if len(layers) == len(i.OCIv1.RootFS.Digests) {
			return nil, fmt.Errorf("the image has %d layers, its history more", len(layers))
		}
		digest := i.OCIv1.RootFS.Digests[len(layers)]
		size, ok := sizes[digest]
		if !ok {
			return nil, fmt.Errorf("no size is known of the layer %s, %s", digest, h.By)
		}
		layers = append(layers, layer{h.By, size})
	}
	return layers, nil
}

// chroot is a container made of namespaces and a chroot.
type chroot struct {
	name, root string
	cmd        *exec.Cmd
	env        []string
	user       [2]int
	ended      chan struct{}
	exit       error

	mu  sync.Mutex
	log bytes.Buffer
}

// Write collects the output.
func (c *chroot) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.Write(p)
}

func (c *chroot) output() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.String()
}

// launchVar tells this program that it is the first process of a container.
const launchVar = "DESCENT_LAUNCH"

// launch is what the first process is to do.
type launch struct {
	Root, Folder, Work, At string
	User                   [2]int
	Args, Env              []string
}

func (b buildah) start(ctx context.Context, opt options) (container, error) {
	img, err := b.inspect(ctx, opt.target)
	if err != nil {
		return nil, err
	}
	out, err := run(ctx, "buildah", "from", "--pull-never", "--arch", b.arch, tagged(b.tag, opt.target))
	if err != nil {
		return nil, err
	}
	c := &chroot{name: strings.TrimSpace(out), env: environ(img.env, opt.env), ended: make(chan struct{})}
	if out, err = run(ctx, "buildah", "mount", c.name); err != nil {
		c.remove()
		return nil, err
	}
	c.root = strings.TrimSpace(out)
	err = c.findUser(img.user, opt.user)
	if err == nil && opt.old {
		err = c.age()
	}
	if err != nil {
		c.remove()
		return nil, err
	}
	command := append(slices.Clone(img.entrypoint), img.command...)
	if len(opt.args) > 0 {
		command = append(slices.Clone(img.entrypoint), opt.args...)
	}
	if len(opt.entry) > 0 {
		command = opt.entry
	}
	spec, err := json.Marshal(launch{Root: c.root, Folder: cmp.Or(opt.folder, img.folder),
		Work: opt.work, At: cmp.Or(opt.at, workFolder), User: c.user, Args: command, Env: c.env})
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c.cmd = exec.Command(self)
	c.cmd.Env = []string{launchVar + "=" + string(spec)}
	c.cmd.Stdout, c.cmd.Stderr = c, c
	c.cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL, Setsid: true,
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // Pdeathsig watches the thread
		err := c.cmd.Start()
		started <- err
		if err == nil {
			c.exit = c.cmd.Wait()
		}
		close(c.ended)
	}()
	if err := <-started; err != nil {
		c.remove()
		return nil, err
	}
	return c, nil
}

// environ adds variables to the image's. Of two of one name a program may see
// either.
func environ(image, more []string) []string {
	named := func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.ContainsFunc(more, func(m string) bool { return strings.HasPrefix(m, name+"=") })
	}
	return append(slices.DeleteFunc(slices.Clone(image), named), more...)
}

// findUser looks the image's user up as a container engine does.
func (c *chroot) findUser(name, other string) error {
	if other != "" {
		_, err := fmt.Sscanf(other, "%d:%d", &c.user[0], &c.user[1])
		return err
	}
	passwd, err := os.ReadFile(filepath.Join(c.root, "etc", "passwd"))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(passwd)) {
		f := strings.Split(line, ":")
		if len(f) > 3 && (f[0] == name || f[2] == name) {
			c.user[0], _ = strconv.Atoi(f[2])
			c.user[1], _ = strconv.Atoi(f[3])
			return nil
		}
	}
	return fmt.Errorf("USER %q is not in /etc/passwd", name)
}

// age makes the image ten days old: Go removes from its build cache what has
// not been used for five.
func (c *chroot) age() error {
	old := time.Now().Add(-240 * time.Hour)
	cache := ""
	for _, kv := range c.env {
		if v, ok := strings.CutPrefix(kv, "GOCACHE="); ok {
			cache = filepath.Join(c.root, v)
		}
	}
	err := os.WriteFile(filepath.Join(cache, "trim.txt"), []byte(strconv.FormatInt(old.Unix(), 10)), 0)
	return errors.Join(err, filepath.WalkDir(cache, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chtimes(path, old, old)
	}))
}

// first is the first process of the container: it makes its world, and becomes
// what the image starts.
func first(spec string) error {
	var l launch
	if err := json.Unmarshal([]byte(spec), &l); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	at := func(path string) string { return filepath.Join(l.Root, path) }
	if err := errors.Join(
		unix.Mount("proc", at("proc"), "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""),
		unix.Mount("/dev", at("dev"), "", unix.MS_BIND|unix.MS_REC, ""),
		os.WriteFile(at("etc/hosts"), []byte("127.0.0.1 localhost container "+hubName+"\n"), 0o644),
		unix.Sethostname([]byte("container")),
		loopback(),
	); err != nil {
		return err
	}
	if l.Work != "" {
		if err := errors.Join(os.MkdirAll(at(l.At), 0o755), unix.Mount(l.Work, at(l.At), "", unix.MS_BIND, "")); err != nil {
			return err
		}
	}
	if err := errors.Join(unix.Chroot(l.Root), unix.Chdir(l.Folder)); err != nil {
		return err
	}
	path := ""
	for _, kv := range l.Env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			path = v
		}
	}
	os.Setenv("PATH", path)
	program, err := exec.LookPath(l.Args[0])
	if err != nil {
		return err
	}
	if err := errors.Join(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
		syscall.Setgroups(nil), syscall.Setgid(l.User[1]), syscall.Setuid(l.User[0])); err != nil {
		return err
	}
	return syscall.Exec(program, l.Args, l.Env)
}

// loopback switches the only network interface on.
func loopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}

// dial connects from inside the container's network, of which nothing leads
// out.
func (c *chroot) dial(ctx context.Context, network, address string) (net.Conn, error) {
	return inside(c, func() (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, network, address) })
}

// listen does so in there, too; at every address, because there is none before
// the container's first process has switched the interface on.
func (c *chroot) listen(port int) (net.Listener, error) {
	return inside(c, func() (net.Listener, error) { return net.Listen("tcp4", ":"+strconv.Itoa(port)) })
}

// inside does something in the container's network. What it opens stays there.
func inside[T any](c *chroot, do func() (T, error)) (result T, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlock: the thread ends with its namespace
		var fd int
		if fd, err = unix.Open(fmt.Sprintf("/proc/%d/ns/net", c.cmd.Process.Pid), unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return
		}
		defer unix.Close(fd)
		if err = unix.Setns(fd, unix.CLONE_NEWNET); err == nil {
			result, err = do()
		}
	}()
	<-done
	return result, err
}

func (c *chroot) host() string { return "127.0.0.1:8888" }

func (c *chroot) exec(ctx context.Context, args ...string) (string, error) {
	enter := []string{"--target", strconv.Itoa(c.cmd.Process.Pid), "--all", "--root", "--wd",
		"--setuid", strconv.Itoa(c.user[0]), "--setgid", strconv.Itoa(c.user[1]), "env", "-i"}
	return run(ctx, "nsenter", append(append(enter, c.env...), args...)...)
}

func (c *chroot) beside(args ...string) []string {
	return append([]string{"nsenter", "--target", strconv.Itoa(c.cmd.Process.Pid), "--net"}, args...)
}

func (c *chroot) stop(ctx context.Context) (int, time.Duration, error) {
	start := time.Now()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, 0, err
	}
	select {
	case <-c.ended:
		return c.cmd.ProcessState.ExitCode(), time.Since(start), nil
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
}

func (c *chroot) done() <-chan struct{} { return c.ended }

func (c *chroot) left(context.Context) (string, error) {
	entries, err := os.ReadDir(filepath.Join(c.root, "tmp"))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, "\n"), err
}

func (c *chroot) remove() {
	if c.cmd != nil && c.cmd.Process != nil {
		c.cmd.Process.Kill()
		<-c.ended
	}
	run(context.Background(), "buildah", "rm", c.name)
}
