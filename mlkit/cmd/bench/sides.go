package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"descent/mlkit/datasets"
	"descent/mlkit/formats"
)

// mlkit is our name in the results.
const mlkit = "mlkit"

// ours runs a task in a new process of this program, so that memory and
// start-up are those of the task alone, as the peers' are.
type ours struct{}

func (ours) name() string    { return mlkit }
func (ours) does(*task) bool { return true }

func (ours) run(ctx context.Context, j job) ([]Result, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd, err := j.task.command(ctx, exe, "-worker", "-task", j.task.name, "-threads", fmt.Sprint(j.threads),
		"-epochs", fmt.Sprint(j.epochs), "-seed", fmt.Sprint(j.seed), fmt.Sprintf("-quick=%t", j.quick),
		"-profile", j.profile, "-seconds", fmt.Sprint(j.seconds), fmt.Sprintf("-cputime=%t", j.cpuTime))
	if err != nil {
		return nil, err
	}
	return collect(cmd, fmt.Sprintf("GOMAXPROCS=%d", j.threads))
}

// collect runs a program and reads the results it prints, one JSON object a
// line.
func collect(cmd *exec.Cmd, env ...string) ([]Result, error) {
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Env = append(append(cmd.Environ(), env...), fmt.Sprintf("BENCH_START=%d", time.Now().UnixNano()))
	// These choose slow or old code paths of OpenBLAS; a peer deserves its own
	// choice.
	cmd.Env = slices.DeleteFunc(cmd.Env, func(v string) bool {
		return strings.HasPrefix(v, "OPENBLAS_CORETYPE=") || strings.HasPrefix(v, "OPENBLAS_L2_SIZE=")
	})
	cmd.Env = append(cmd.Env, limits()...)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var results []Result
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var r Result
		if json.Unmarshal(lines.Bytes(), &r) == nil && r.Framework != "" {
			results = append(results, r)
		}
	}
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, tail(errs.String()))
	}
	if len(results) == 0 {
		return nil, fmt.Errorf("no result\n%s", tail(errs.String()))
	}
	return results, nil
}

// tail is the end of what a program complained about.
func tail(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-8):], "\n  ")
}

//go:embed peers/*.py peers/requirements.txt
var programs embed.FS

// peer is a framework with a Python program for each group of tasks.
type peer struct {
	framework string
	tasks     []string // and groups
	packages  []string // that the programs import
	python    string
	dir       string
	mnist     string
}

// peers lists the Python peers and what each can do.
var peers = []peer{
	{framework: "torch", tasks: []string{first, models, gridGroup, inference, int8Group, book, processes},
		packages: []string{"numpy", "torch", "safetensors"}},
	{framework: "keras", tasks: []string{"linear", "linear100", "mlp", "cnn", "lstm", "latency"}, packages: []string{"numpy", "tensorflow", "keras"}},
	{framework: "jax", tasks: []string{"linear", "linear100", "mlp", "cnn", "lstm", "transformer", "online", "latency", gridGroup}, packages: []string{"numpy", "jax", "optax"}},
	{framework: "onnxruntime", tasks: []string{"infer-mlp", "infer-cnn", "infer-lstm", "infer-transformer", int8Group}, packages: []string{"numpy", "torch", "safetensors", "onnx", "onnxruntime"}},
	{framework: "numpy", tasks: []string{"gemm"}, packages: []string{"numpy"}},
	{framework: "sklearn", tasks: []string{"linear"}, packages: []string{"numpy", "sklearn"}},
}

func peerNames() []string {
	var names []string
	for _, p := range peers {
		names = append(names, p.framework)
	}
	return append(names, "gomlx")
}

func (p peer) name() string { return p.framework }
func (p peer) does(t *task) bool {
	return slices.Contains(p.tasks, t.name) || slices.Contains(p.tasks, t.group)
}

func (p peer) run(ctx context.Context, j job) ([]Result, error) {
	program, input := p.framework+"_peer.py", ""
	if j.task.group != first {
		program = p.framework + "_" + j.task.group + ".py"
	}
	if j.task.build != nil {
		dir, remove, err := exchange(j.task.workload(j.seed, j.quick))
		if err != nil {
			return nil, err
		}
		defer remove()
		input = dir
	}
	if c, ok := bookTasks[j.task.name]; ok {
		parts, err := c.parts(j.seed)
		if err != nil {
			return nil, err
		}
		input = filepath.Join(p.dir, j.task.name+".npz")
		if err := parts.save(input); err != nil {
			return nil, err
		}
	}
	return collect(exec.CommandContext(ctx, p.python, filepath.Join(p.dir, program), "--task", j.task.name,
		"--threads", fmt.Sprint(j.threads), "--epochs", fmt.Sprint(j.epochs), "--seed", fmt.Sprint(j.seed),
		"--mnist", p.mnist, "--data", input, "--quick", fmt.Sprint(j.quick),
		"--seconds", fmt.Sprint(j.budget()), "--cputime", fmt.Sprint(j.cpuTime)))
}

// setUpPeers makes the wanted peers ready, in the given Python or, if that is
// empty, in an environment of their own. One whose packages are missing is left
// out, and said to be.
func setUpPeers(ctx context.Context, python string, wanted func(name string) bool) ([]side, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(cache, "descent", "peers")
	if python == "" {
		if dir, python, err = environment(ctx, dir); err != nil {
			return nil, err
		}
	}
	if err := writePrograms(dir); err != nil {
		return nil, err
	}
	mnist, err := datasets.MNISTFolder()
	if err != nil {
		return nil, err
	}
	var sides []side
	if wanted("gomlx") {
		if g, err := buildGoMLX(ctx, dir, mnist); err != nil {
			fmt.Fprintln(os.Stderr, "without GoMLX:", err)
		} else {
			sides = append(sides, g)
		}
	}
	for _, p := range peers {
		if !wanted(p.framework) {
			continue
		}
		if err := imports(ctx, python, p.packages); err != nil {
			fmt.Fprintf(os.Stderr, "without %s: %v\n", p.framework, err)
			continue
		}
		p.python, p.dir, p.mnist = python, dir, mnist
		sides = append(sides, p)
	}
	return sides, nil
}

// imports is an error that names the packages that a Python lacks.
func imports(ctx context.Context, python string, packages []string) error {
	const program = "import importlib.util, sys; print(*[p for p in sys.argv[1:] if not importlib.util.find_spec(p)])"
	out, err := exec.CommandContext(ctx, python, append([]string{"-c", program}, packages...)...).Output()
	if err != nil {
		return fmt.Errorf("%s: %w", python, err)
	}
	if missing := strings.Fields(string(out)); len(missing) > 0 {
		return fmt.Errorf("%s lacks %s", python, strings.Join(missing, ", "))
	}
	return nil
}

// environment makes the Python environment of the peers beside base, once.
func environment(ctx context.Context, base string) (dir, python string, err error) {
	requirements, err := programs.ReadFile("peers/requirements.txt")
	if err != nil {
		return "", "", err
	}
	sum := sha256.Sum256(requirements)
	dir = base + "-" + hex.EncodeToString(sum[:6])
	python = filepath.Join(dir, "venv", "bin", "python")
	if _, err := os.Stat(filepath.Join(dir, "ready")); err == nil {
		return dir, python, nil
	}
	fmt.Fprintf(os.Stderr, "installing the peers into %s: about 8 GB, most of it PyTorch's; delete the folder to be rid of them\n", dir)
	if err := os.RemoveAll(dir); err != nil {
		return "", "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "requirements.txt"), requirements, 0o600); err != nil {
		return "", "", err
	}
	for _, args := range [][]string{
		{"python3", "-m", "venv", filepath.Join(dir, "venv")},
		{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", filepath.Join(dir, "requirements.txt")},
	} {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return "", "", fmt.Errorf("%s: %w", strings.Join(args, " "), err)
		}
	}
	return dir, python, os.WriteFile(filepath.Join(dir, "ready"), nil, 0o600)
}

// writePrograms writes the peers' programs into dir, at every start: they may
// have changed.
func writePrograms(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	files, err := programs.ReadDir("peers")
	if err != nil {
		return err
	}
	for _, f := range files {
		text, err := programs.ReadFile("peers/" + f.Name())
		if err != nil {
			return err
		}
		// Another run may be reading it.
		if err := formats.WriteFile(filepath.Join(dir, f.Name()),
			func(w io.Writer) error { _, err := w.Write(text); return err }); err != nil {
			return err
		}
	}
	return nil
}

// gomlx is GoMLX's program, a module of its own in the checkout.
type gomlx struct{ program, mnist string }

func (gomlx) name() string { return "gomlx" }
func (gomlx) does(t *task) bool {
	return slices.Contains([]string{"linear", "linear100", "mlp"}, t.name)
}

func (g gomlx) run(ctx context.Context, j job) ([]Result, error) {
	return collect(exec.CommandContext(ctx, g.program, "-task", j.task.name, "-threads", fmt.Sprint(j.threads),
		"-epochs", fmt.Sprint(j.epochs), "-seed", fmt.Sprint(j.seed), "-mnist", g.mnist), fmt.Sprintf("GOMAXPROCS=%d", j.threads))
}

func buildGoMLX(ctx context.Context, dir, mnist string) (gomlx, error) {
	g := gomlx{filepath.Join(dir, "gomlx"), mnist}
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "descent").Output()
	if err != nil {
		return g, fmt.Errorf("its program is built from the checkout, which this folder is no part of: %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", g.program, ".")
	cmd.Dir = filepath.Join(strings.TrimSpace(string(root)), "mlkit", "cmd", "bench", "peers", "gomlx")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return g, fmt.Errorf("%w\n%s", err, tail(string(out)))
	}
	return g, nil
}
