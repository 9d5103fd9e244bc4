// Package lab runs the JupyterLab server that shows the book.
package lab

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"descent/notebooks/internal/session"
	"descent/notebooks/internal/setup"
)

//go:embed lab.py
var launcher string

// Options are how to serve.
type Options struct {
	Folder  string // what JupyterLab shows, absolute
	Open    string // the notebook to open, relative to Folder; empty: none
	IP      string // the address to listen on; empty: 127.0.0.1, this machine only
	Port    int    // the first port to try
	OnePort bool   // do not try the next ones: others know the port
	Token   string // the password; empty: a new one
	Browser bool   // also open the user's browser
	// Hide are files and folders that the list of files leaves out: a reader
	// wants the chapters.
	Hide []string
	// More are further arguments for Jupyter, as its documentation has them.
	More []string
	// Scriptable lets a test drive the page through window.jupyterapp.
	Scriptable bool
	// Ready is called once, when the server answers, with an address that holds
	// the token.
	Ready func(address string)
}

// Furniture is what stands in the book's folder and is no chapter.
var Furniture = []string{"internal", "images", "main.go", "STYLE.md"}

// startLimit is how long the server may take until it answers. It takes two
// seconds; a cold disk or a busy machine makes it many.
const startLimit = 3 * time.Minute

// farewell is how long the server may take to save and to end its kernels.
const farewell = 3 * time.Second

// Serve runs the server until the context ends or the server does, as it does
// when the reader chooses "Shut down". Then no process and no temporary file of
// it is left, kernels and their cells included.
func Serve(ctx context.Context, env *setup.Env, opt Options) (err error) {
	s, err := session.New()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	token := opt.Token
	if token == "" {
		if token, err = newToken(); err != nil {
			return err
		}
	}
	// By environment: command lines can be read by every user of the machine.
	environ := env.Environ(map[string]string{"JUPYTER_TOKEN": token})
	script, err := s.Script("lab.py", launcher)
	if err != nil {
		return err
	}
	// Equal copies share one signature, but in the reader's the prose may have
	// changed.
	folders := []string{filepath.Join(env.Repo, "notebooks"), opt.Folder}
	if opt.Open != "" {
		folders = append(folders, filepath.Dir(filepath.Join(opt.Folder, opt.Open)))
	}
	slices.Sort(folders)
	_, list, err := signing(s, trustworthy(slices.Compact(folders)))
	if err != nil {
		return err
	}
	if err := forgetOldTrust(filepath.Join(env.Book, "data")); err != nil {
		return err
	}
	cmd, err := s.Command(environ, env.Python, append([]string{script, list}, opt.arguments()...)...)
	if err != nil {
		return err
	}
	logName := filepath.Join(s.Dir, "server.log")
	log, err := os.OpenFile(logName, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting JupyterLab: %w", err)
	}
	done := make(chan struct{})
	var exit error
	go func() { exit = cmd.Wait(); close(done) }()
	defer session.Stop(cmd, done, farewell)

	started := time.Now()
	starting, cancel := context.WithDeadline(ctx, started.Add(startLimit))
	defer cancel()
	announced := false
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-done:
			if announced && exit == nil {
				return nil
			}
			return fmt.Errorf("JupyterLab ended (%v); its last words:\n%s", exit, lastLines(logName))
		case <-tick.C:
			if announced {
				continue
			}
			if time.Since(started) > startLimit {
				return fmt.Errorf("JupyterLab does not answer after %v; its last words:\n%s", startLimit, lastLines(logName))
			}
			server, found := find(s.Runtime())
			if !found || server.answers(starting) != nil {
				continue
			}
			announced = true
			if opt.Ready != nil {
				opt.Ready(server.base() + opt.path() + "?token=" + url.QueryEscape(token))
			}
		}
	}
}

func (o Options) path() string {
	if o.Open == "" {
		return "lab"
	}
	return "lab/tree/" + (&url.URL{Path: filepath.ToSlash(o.Open)}).EscapedPath()
}

func (o Options) arguments() []string {
	ip, retries := "127.0.0.1", 100
	if o.IP != "" {
		ip = o.IP
	}
	if o.OnePort {
		retries = 0
	}
	args := []string{
		"--ServerApp.ip=" + ip,
		fmt.Sprintf("--ServerApp.port=%d", o.Port),
		fmt.Sprintf("--ServerApp.port_retries=%d", retries),
		"--ServerApp.root_dir=" + o.Folder,
		fmt.Sprintf("--ServerApp.open_browser=%t", o.Browser),
		"--LabApp.default_url=/" + o.path(),
		// The kernel is Go's; nothing else is offered, and nothing is fetched.
		"--LabApp.extension_manager=readonly",
		"--LabApp.custom_css=True", // of the set-up
		"--KernelSpecManager.ensure_native_kernel=False",
		"--KernelSpecManager.allowed_kernelspecs=" + setup.KernelName,
		"--MultiKernelManager.default_kernel_name=" + setup.KernelName,
	}
	if len(o.Hide) > 0 { // in place of Jupyter's own
		for _, name := range append([]string{"__pycache__", ".DS_Store", "*~"}, o.Hide...) {
			args = append(args, "--ContentsManager.hide_globs="+name)
		}
	}
	if o.Scriptable {
		args = append(args, "--LabApp.expose_app_in_browser=True")
	}
	if os.Geteuid() == 0 { // in a container; Jupyter refuses otherwise
		args = append(args, "--ServerApp.allow_root=True")
	}
	return append(args, o.More...)
}

func newToken() (string, error) {
	b := make([]byte, 24)
	_, err := rand.Read(b)
	return hex.EncodeToString(b), err
}

func lastLines(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}
