//go:build linux

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// image is what the image says about how to run it.
type image struct {
	entrypoint, command, env []string
	user, folder             string
	health                   []string
}

// engine builds images and runs containers.
type engine interface {
	// build builds a target of the unchanged Dockerfile, "" for the one that is
	// built when none is named.
	build(ctx context.Context, top, target string) error
	// inspect looks at what that has built.
	inspect(ctx context.Context, target string) (image, error)
	// layers lists the image's layers, the lowest first.
	layers(ctx context.Context) ([]layer, error)
	start(ctx context.Context, opt options) (container, error)
}

// layer is one of an image's: what made it, and its size in bytes, not
// compressed.
type layer struct {
	by   string
	size int64
}

// options are those of `docker run`.
type options struct {
	target string   // of the Dockerfile, "" for the one that is built when none is named
	work   string   // a folder to mount; empty: none
	at     string   // where to mount it; empty: where the reader's notebooks are
	user   string   // uid:gid, empty: the image's
	env    []string // beside the image's
	folder string   // to begin in, empty: the image's
	entry  []string // in place of the image's entry point and command
	args   []string // what to start, in place of the image's command
	old    bool     // as if the image were ten days old (buildah only)
}

const workFolder = "/home/reader/work"

// hubName is the name by which a container reaches what listens in the test.
const hubName = "hub"

// container is a running container without a network but the one to the test.
type container interface {
	// output returns what it has printed so far.
	output() string
	// dial connects to a port of it.
	dial(ctx context.Context, network, address string) (net.Conn, error)
	host() string // host:port for dial
	// listen waits for connections from the container, which reach it as
	// hubName.
	listen(port int) (net.Listener, error)
	// exec runs a program in it as the container's user.
	exec(ctx context.Context, args ...string) (string, error)
	// beside returns the command line that runs a program of this machine's
	// where it reaches the container's host.
	beside(args ...string) []string
	// stop sends SIGTERM and returns the exit code and how long it took to end.
	stop(ctx context.Context) (code int, took time.Duration, err error)
	// done is closed when it has ended.
	done() <-chan struct{}
	// left lists what a stopped container has left in its folders for temporary
	// files.
	left(ctx context.Context) (string, error)
	remove()
}

// run runs a program and returns its output; with an error that holds it.
func run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = 5 * time.Second // what it has started can outlive it, with its output open
	if err := cmd.Run(); err != nil {
		text := strings.TrimSpace(stdout.String() + stderr.String())
		return stdout.String(), fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, text[max(0, len(text)-4000):])
	}
	return stdout.String(), nil
}

// show runs a program whose output the user sees.
func show(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	// An interrupted build ends with all that it has started.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}

// docker is a Docker engine.
type docker struct{ tag string }

// tagged is an image's name for a target.
func tagged(tag, target string) string {
	if target == "" {
		return tag
	}
	return tag + "-" + target
}

func (d docker) build(ctx context.Context, top, target string) error {
	args := []string{"build", "-f", top + "/docker/Dockerfile", "-t", tagged(d.tag, target)}
	if target != "" {
		args = append(args, "--target", target)
	}
	return show(ctx, "docker", append(args, top)...)
}

func (d docker) inspect(ctx context.Context, target string) (image, error) {
	out, err := run(ctx, "docker", "image", "inspect", "--format", "{{json .Config}}", tagged(d.tag, target))
	if err != nil {
		return image{}, err
	}
	return parse([]byte(out))
}

// parse reads the configuration in Docker's own format.
func parse(data []byte) (image, error) {
	var c struct {
		User, WorkingDir     string
		Env, Entrypoint, Cmd []string
		Healthcheck          *struct{ Test []string }
	}
	err := json.Unmarshal(data, &c)
	i := image{entrypoint: c.Entrypoint, command: c.Cmd, env: c.Env, user: c.User, folder: c.WorkingDir}
	if c.Healthcheck != nil && len(c.Healthcheck.Test) > 1 {
		i.health = c.Healthcheck.Test[1:] // after "CMD"
	}
	return i, err
}

func (d docker) layers(ctx context.Context) ([]layer, error) {
	out, err := run(ctx, "docker", "history", "--no-trunc", "--human=false", "--format", "{{.Size}}\t{{.CreatedBy}}", d.tag)
	if err != nil {
		return nil, err
	}
	var layers []layer
	for line := range strings.Lines(out) {
		size, by, _ := strings.Cut(strings.TrimSpace(line), "\t")
		n, err := strconv.ParseInt(size, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("docker history: %q: %w", line, err)
		}
		layers = append(layers, layer{by, n})
	}
	slices.Reverse(layers)
	return layers, nil
}

type dockerContainer struct {
	id, network, address string
	gateway              string // the host, seen from its network
	ended                chan struct{}
}

func (d docker) start(ctx context.Context, opt options) (container, error) {
	// An internal network reaches nothing but the host, which is the test.
	network := fmt.Sprintf("descent-test-%d-%d", os.Getpid(), time.Now().UnixNano())
	if _, err := run(ctx, "docker", "network", "create", "--internal", network); err != nil {
		return nil, err
	}
	c := &dockerContainer{network: network, ended: make(chan struct{})}
	out, err := run(ctx, "docker", "network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", network)
	if err != nil {
		c.remove()
		return nil, err
	}
	c.gateway = strings.TrimSpace(out)
	args := []string{"run", "--detach", "--network", network, "--add-host", hubName + ":" + c.gateway}
	if opt.work != "" {
		args = append(args, "--volume", opt.work+":"+cmp.Or(opt.at, workFolder))
	}
	if opt.folder != "" {
		args = append(args, "--workdir", opt.folder)
	}
	if opt.user != "" {
		args = append(args, "--user", opt.user)
	}
	for _, kv := range opt.env {
		args = append(args, "--env", kv)
	}
	command := opt.args
	if len(opt.entry) > 0 {
		args = append(args, "--entrypoint", opt.entry[0])
		command = opt.entry[1:]
	}
	out, err = run(ctx, "docker", append(append(args, tagged(d.tag, opt.target)), command...)...)
	c.id = strings.TrimSpace(out)
	if err != nil {
		c.remove()
		return nil, err
	}
	go func() { run(context.Background(), "docker", "wait", c.id); close(c.ended) }()
	out, err = run(ctx, "docker", "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", c.id)
	c.address = strings.TrimSpace(out) + ":8888"
	return c, err
}

func (c *dockerContainer) output() string {
	out, _ := exec.Command("docker", "logs", c.id).CombinedOutput()
	return string(out)
}

func (c *dockerContainer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

func (c *dockerContainer) host() string { return c.address }

func (c *dockerContainer) listen(port int) (net.Listener, error) {
	return net.Listen("tcp", net.JoinHostPort(c.gateway, strconv.Itoa(port)))
}

func (c *dockerContainer) exec(ctx context.Context, args ...string) (string, error) {
	return run(ctx, "docker", append([]string{"exec", c.id}, args...)...)
}

func (c *dockerContainer) beside(args ...string) []string { return args }

func (c *dockerContainer) stop(ctx context.Context) (int, time.Duration, error) {
	start := time.Now()
	if _, err := run(ctx, "docker", "stop", c.id); err != nil {
		return 0, 0, err
	}
	took := time.Since(start)
	out, err := run(ctx, "docker", "inspect", "--format", "{{.State.ExitCode}}", c.id)
	if err != nil {
		return 0, 0, err
	}
	var code int
	_, err = fmt.Sscan(out, &code)
	return code, took, err
}

func (c *dockerContainer) done() <-chan struct{} { return c.ended }

func (c *dockerContainer) left(ctx context.Context) (string, error) {
	out, err := run(ctx, "docker", "diff", c.id)
	var left []string
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "A /tmp/") {
			left = append(left, strings.TrimSpace(line))
		}
	}
	return strings.Join(left, "\n"), err
}

func (c *dockerContainer) remove() {
	if c.id != "" {
		run(context.Background(), "docker", "rm", "--force", c.id)
	}
	run(context.Background(), "docker", "network", "rm", c.network)
}
