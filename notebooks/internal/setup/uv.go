package setup

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"descent/notebooks/internal/session"
)

// uv (https://docs.astral.sh/uv) installs in seconds what takes pip a minute.

//go:embed uv.txt
var uvRequirement string

//go:embed runpip.py
var pipScript string

// oldestUV is the version from which the user's own uv serves: 0.9.
const oldestUV = 9

// uv is a uv that can be run, with the settings that pip has here.
type uv struct {
	path, version string
	environ       []string
	args          []string // of pip install
}

// findUV returns the user's own uv if it is new enough, else the pinned one,
// which it downloads once.
func findUV(ctx context.Context, log *progress, cache string, py interpreter) (uv, error) {
	settings, err := pipSettings(ctx, py)
	if err != nil {
		return uv{}, err
	}
	u := uv{environ: pythonEnviron()}
	u.configure(settings)
	if path, err := exec.LookPath("uv"); err == nil {
		if u.version, err = uvVersion(ctx, path); err == nil {
			u.path = path
			return u, nil
		}
	}
	dir := filepath.Join(cache, "uv-"+digest(uvRequirement))
	u.path = filepath.Join(dir, "uv")
	// Not the user's: who does not use uv need not know where its cache is.
	store := filepath.Join(cache, "uv-cache")
	u.environ = append(u.environ, "UV_CACHE_DIR="+store)
	if !exists(dir) {
		err := atomically(dir, func(dir string) error { return downloadUV(ctx, log, py, dir) })
		if err != nil {
			return uv{}, err
		}
	}
	now := time.Now()
	for _, used := range []string{dir, store} {
		os.Chtimes(used, now, now) // tells clean that it is in use
	}
	u.version, err = uvVersion(ctx, u.path)
	return u, err
}

func downloadUV(ctx context.Context, log *progress, py interpreter, dir string) error {
	return log.timed("downloading uv, which installs the rest", func() error {
		if err := pipDownload(ctx, py, dir, uvRequirement); err != nil {
			return err
		}
		wheels, _ := filepath.Glob(filepath.Join(dir, "*.whl"))
		if len(wheels) != 1 {
			return fmt.Errorf("pip downloaded %d wheels of uv, want one", len(wheels))
		}
		version := strings.Split(filepath.Base(wheels[0]), "-")[1]
		path := filepath.Join(dir, "uv")
		if err := unzip(wheels[0], "uv-"+version+".data/scripts/uv", path); err != nil {
			return err
		}
		return errors.Join(os.Chmod(path, 0o700), os.Remove(wheels[0]))
	})
}

// pipDownload puts the wheels that the requirements list, with their hashes,
// into the folder.
func pipDownload(ctx context.Context, py interpreter, dir, requirements string, more ...string) error {
	list := filepath.Join(dir, "wheels.txt")
	if err := os.WriteFile(list, []byte(requirements), 0o600); err != nil {
		return err
	}
	defer os.Remove(list)
	args := append([]string{"download", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:", "--disable-pip-version-check",
		"--no-input", "--retries", "2", "--timeout", "20", "--dest", dir, "-r", list}, more...)
	out, err := pipCommand(ctx, py, args...).CombinedOutput()
	if err != nil {
		return failure(ctx, "pip could not download "+strings.Fields(withoutComments(requirements))[0],
			"The first start needs the network (or a pip mirror, see `pip config`); start again and it goes on from here.", out, err)
	}
	return nil
}

func withoutComments(requirements string) string {
	var b strings.Builder
	for line := range strings.Lines(requirements) {
		if !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func pipCommand(ctx context.Context, py interpreter, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, py.Path, append([]string{"-I", "-c", pipScript}, args...)...)
	cmd.Env = pythonEnviron()
	session.Group(cmd)
	return cmd
}

// pipSettings returns what pip's files and the environment say to pip install.
func pipSettings(ctx context.Context, py interpreter) (settings map[string]string, err error) {
	var words strings.Builder
	cmd := pipCommand(ctx, py)
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &settings)
	}
	if err != nil {
		return nil, failure(ctx, "pip does not tell its settings", "Does `python3 -m pip config list` work?", []byte(words.String()), err)
	}
	return settings, nil
}

// configure makes uv do what pip's settings say. What the user has told uv
// itself goes first. Names and passwords for an index uv takes from netrc, as
// pip does.
func (u *uv) configure(pip map[string]string) {
	set := func(name, value string) {
		if value != "" && os.Getenv(name) == "" {
			u.environ = append(u.environ, name+"="+value)
		}
	}
	all := func(key, separator string) string { return strings.Join(strings.Fields(pip[key]), separator) }
	set("UV_DEFAULT_INDEX", pip["index-url"])
	set("UV_EXTRA_INDEX_URL", all("extra-index-url", " "))
	// All places count alike, as for pip; the hashes say what is taken.
	set("UV_INDEX_STRATEGY", "unsafe-best-match")
	set("UV_FIND_LINKS", all("find-links", ","))
	set("UV_INSECURE_HOST", all("trusted-host", " "))
	set("UV_KEYRING_PROVIDER", map[string]string{"subprocess": "subprocess"}[pip["keyring-provider"]])
	set("SSL_CLIENT_CERT", pip["client-cert"])
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY"} {
		if pip["proxy"] != "" { // over the environment's, as for pip
			u.environ = append(u.environ, name+"="+pip["proxy"], strings.ToLower(name)+"="+pip["proxy"])
		}
	}
	for _, key := range []string{"default-timeout", "timeout"} {
		set("UV_HTTP_TIMEOUT", strings.TrimSuffix(pip[key], ".0"))
	}
	// pip looks at all of these, uv at the first alone.
	for _, certificates := range []string{pip["cert"], os.Getenv("REQUESTS_CA_BUNDLE"), os.Getenv("CURL_CA_BUNDLE")} {
		if info, err := os.Stat(certificates); err == nil {
			name := "SSL_CERT_FILE"
			if info.IsDir() {
				name = "SSL_CERT_DIR"
			}
			u.environ = append(u.environ, name+"="+certificates)
			break
		}
	}
	if no := pip["no-index"]; no != "" && no != "0" && !strings.EqualFold(no, "false") && !strings.EqualFold(no, "no") {
		u.args = append(u.args, "--no-index")
	}
}

var uvVersionLine = regexp.MustCompile(`^uv (\d+)\.(\d+)\.\S+`)

// uvVersion returns the version of the program if it is new enough.
func uvVersion(ctx context.Context, path string) (string, error) {
	cmd := exec.CommandContext(ctx, path, "--version")
	session.Group(cmd)
	out, err := cmd.Output()
	if err != nil {
		return "", cause(ctx, err)
	}
	m := uvVersionLine.FindStringSubmatch(string(out))
	if m == nil {
		return "", fmt.Errorf("%s is not uv", path)
	}
	major, _ := strconv.Atoi(m[1])
	if minor, _ := strconv.Atoi(m[2]); major == 0 && minor < oldestUV {
		return "", fmt.Errorf("%s is too old: %s", path, m[0])
	}
	return strings.TrimPrefix(m[0], "uv "), nil
}

// install makes an environment in dir and installs what the requirements list.
func (u uv) install(ctx context.Context, py interpreter, dir, requirements string) error {
	run := func(args ...string) error {
		cmd := exec.CommandContext(ctx, u.path, args...)
		cmd.Env = append(u.environ, "UV_PYTHON_DOWNLOADS=never", "UV_NO_PROGRESS=1",
			"UV_SYSTEM_CERTS=1", "UV_NATIVE_TLS=1") // the newer and the older name of what pip does
		cmd.Dir = dir // no project around the working directory has a say
		session.Group(cmd)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return failure(ctx, "uv "+args[0]+" failed", "", out, err)
		}
		return nil
	}
	if err := run("venv", "--quiet", "--no-project", "--python", py.Path, dir); err != nil {
		return err
	}
	list := filepath.Join(dir, "requirements.txt")
	if err := os.WriteFile(list, []byte(requirements), 0o600); err != nil {
		return err
	}
	return run(append([]string{"pip", "install", "--quiet", "--no-deps", "--require-hashes",
		"--python", filepath.Join(dir, "bin", "python"), "-r", list}, u.args...)...)
}
