//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// devContainer is what the test knows of devcontainer.json (containers.dev,
// "Dev Container metadata reference"). A property that it does not know is an
// error: it would not be tested.
type devContainer struct {
	Name  string `json:"name"`
	Build struct {
		Dockerfile string `json:"dockerfile"`
		Context    string `json:"context"`
		Target     string `json:"target"`
	} `json:"build"`
	RemoteUser        string            `json:"remoteUser"`
	ContainerEnv      map[string]string `json:"containerEnv"`
	PostCreateCommand string            `json:"postCreateCommand"`

	// The editor's own business.
	ForwardPorts    []int          `json:"forwardPorts"`
	PortsAttributes map[string]any `json:"portsAttributes"`
	Customizations  map[string]any `json:"customizations"`
}

var commentLine = regexp.MustCompile(`(?m)^\s*//.*$`)

func readDevContainer(data []byte) (d devContainer, err error) {
	dec := json.NewDecoder(bytes.NewReader(commentLine.ReplaceAll(data, nil)))
	dec.DisallowUnknownFields()
	return d, dec.Decode(&d)
}

// devcontainer starts the target dev as an editor does that opens the checkout
// in a container: the checkout mounted, the entry point replaced by one that
// waits, and in it what somebody who works on the book does.
func (t *test) devcontainer(ctx context.Context) error {
	file := filepath.Join(t.top, ".devcontainer", "devcontainer.json")
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	d, err := readDevContainer(data)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	near := func(path string) string { return filepath.Join(filepath.Dir(file), path) }
	t.check(near(d.Build.Dockerfile) == filepath.Join(t.top, "docker", "Dockerfile") && near(d.Build.Context) == filepath.Clean(t.top),
		"devcontainer.json builds the target %s of %s", d.Build.Target, d.Build.Dockerfile)
	if err := t.builds(ctx, d.Build.Target); err != nil {
		return err
	}
	img, err := t.engine.inspect(ctx, d.Build.Target)
	if err != nil {
		return err
	}
	t.check(img.user == d.RemoteUser, "and works as the image's user, %q", d.RemoteUser)
	work, err := checkout(ctx, t.top)
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	// Where the editor mounts a folder of this name, unless it is told
	// otherwise.
	opt := options{target: d.Build.Target, work: work, at: "/workspaces/descent", folder: "/workspaces/descent",
		entry: []string{"/bin/sh", "-c", `echo started; trap "exit 0" 15; while sleep 1 & wait $!; do :; done`}}
	for name, value := range d.ContainerEnv {
		opt.env = append(opt.env, name+"="+value)
	}
	c, err := t.engine.start(ctx, opt)
	if err != nil {
		return err
	}
	defer c.remove()
	for !strings.Contains(c.output(), "started") {
		select {
		case <-c.done():
			return fmt.Errorf("the container has ended:\n%s", c.output())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	for _, command := range []string{
		d.PostCreateCommand, "gcc --version", "go test -short ./mlkit/metrics", "go run ./notebooks check -smoke -timeout 30m notebooks/00-start-here.ipynb",
		`test -z "$(git status --porcelain)"`,
	} {
		start := time.Now()
		if _, err := c.exec(ctx, "sh", "-c", command); err != nil {
			return err
		}
		t.check(true, "in it: %s (%.1f s)", command, time.Since(start).Seconds())
	}
	return nil
}

// checkout copies the files of this one that git knows, with its history, into
// a folder of the reader's.
func checkout(ctx context.Context, top string) (string, error) {
	dir, err := os.MkdirTemp("", "descent-checkout-")
	if err != nil {
		return "", err
	}
	script := `git="git -c safe.directory=*"
$git clone --quiet --no-hardlinks --no-checkout "$0" "$1"
$git -C "$0" ls-files -z | tar -C "$0" --null -T - -cf - | tar -C "$1" -xf -
$git -C "$1" add --all
$git -C "$1" -c user.name=test -c user.email=test@localhost commit --quiet --allow-empty --no-verify -m "the checkout as it is"
chown -R "$2" "$1"`
	_, err = run(ctx, "sh", "-ec", script, top, dir, fmt.Sprintf("%d:%[1]d", reader))
	return dir, err
}

// builds builds a target, unless it is to be there already.
func (t *test) builds(ctx context.Context, target string) error {
	if t.built {
		return nil
	}
	start := time.Now()
	err := t.engine.build(ctx, t.top, target)
	t.report.took("build", time.Since(start), "of the target "+target)
	return err
}
