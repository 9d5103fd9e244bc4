// Package lab runs the JupyterLab server that shows the book.
package lab

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
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
	Trusted string // the folder whose notebooks may show scripts; empty: Folder
	Open    string // the notebook to open, relative to Folder; empty: none
	IP      string // the address to listen on; empty: 127.0.0.1, this machine only
	Port    int    // the first port to try
	OnePort bool   // do not try the next ones: others know the port
	Token   string // the password; empty: a new one
	Browser bool   // also open the user's browser
	// More are further arguments for Jupyter, as its documentation has them.
	More []string
	// Scriptable lets a test drive the page through window.jupyterapp.
	Scriptable bool
	// Ready is called once, with an address that holds the token.
	Ready func(address string)
}

// startLimit is how long the server may take until it listens. It takes two
// seconds; a cold disk makes it ten.
const startLimit = time.Minute

// farewell is how long the server may take to save and to end its kernels.
const farewell = 3 * time.Second

// Serve runs the server until the context ends or the server does, as it does
// when the reader chooses "Shut down". Then no process and no temporary file of
// it is left, kernels and their cells included.
func Serve(ctx context.Context, env *setup.Env, opt Options) error {
	// Jupyter looks for a free port, lets it go and only then listens: of two
	// servers that start at once, one may find its port taken in between.
	for range 5 {
		if err := serve(ctx, env, opt); !errors.Is(err, errPortLost) {
			return err
		}
	}
	return fmt.Errorf("%w again and again: choose another with -port", errPortLost)
}

var errPortLost = errors.New("another program took the port that JupyterLab was about to use")

func serve(ctx context.Context, env *setup.Env, opt Options) (err error) {
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
	trusted := opt.Trusted
	if trusted == "" {
		trusted = opt.Folder
	}
	// By environment: command lines can be read by every user of the machine.
	environ := env.Environ(map[string]string{"JUPYTER_TOKEN": token})
	script, err := s.Script("lab.py", launcher)
	if err != nil {
		return err
	}
	cmd, err := s.Command(environ, env.Python, append([]string{script, trusted}, opt.arguments()...)...)
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
			words := lastLines(logName)
			if !announced && strings.Contains(words, "Address already in use") && !opt.OnePort {
				return errPortLost
			}
			return fmt.Errorf("JupyterLab ended (%v); its last words:\n%s", exit, words)
		case <-tick.C:
			if announced {
				continue
			}
			if base := listening(s.Runtime()); base != "" {
				announced = true
				if opt.Ready != nil {
					opt.Ready(base + opt.path() + "?token=" + url.QueryEscape(token))
				}
			} else if time.Since(started) > startLimit {
				return fmt.Errorf("JupyterLab does not listen after %v; its last words:\n%s", startLimit, lastLines(logName))
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
		"--KernelSpecManager.ensure_native_kernel=False",
		"--KernelSpecManager.allowed_kernelspecs=" + setup.KernelName,
		"--MultiKernelManager.default_kernel_name=" + setup.KernelName,
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

// listening returns this machine's address of the server, from the file that
// Jupyter writes when it listens: only that says which port it found free.
func listening(runtime string) string {
	files, _ := filepath.Glob(filepath.Join(runtime, "jpserver-*.json"))
	for _, file := range files {
		data, err := os.ReadFile(file)
		var server struct {
			Port   int
			Base   string `json:"base_url"`
			Secure bool
		}
		if err == nil && json.Unmarshal(data, &server) == nil && server.Port != 0 {
			scheme := "http"
			if server.Secure {
				scheme = "https"
			}
			return fmt.Sprintf("%s://127.0.0.1:%d%s", scheme, server.Port, server.Base)
		}
	}
	return ""
}

// Answers tells whether a server that this user's Serve started answers.
func Answers(ctx context.Context) error {
	var failed error
	for _, dir := range session.Folders() {
		base := listening((&session.Session{Dir: dir}).Runtime())
		if base == "" {
			continue
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"api", nil) // needs no token
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			failed = err
			continue
		}
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return nil
		}
		failed = fmt.Errorf("%s: %s", base, res.Status)
	}
	if failed == nil {
		failed = errors.New("no server of the book is listening")
	}
	return failed
}

func lastLines(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}
