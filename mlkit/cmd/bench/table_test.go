package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/internal/kernel/cpu"
)

func TestTable(t *testing.T) {
	var table Table
	for _, r := range []Result{
		{Framework: mlkit, Task: "mlp", Threads: 1, Value: 200, Unit: "samples/s", Accuracy: 0.9, PeakRSS: 50, Startup: 8, Peak: 1e-3},
		{Framework: mlkit, Task: "mlp", Threads: 1, Value: 300, Unit: "samples/s", Accuracy: 0.8, PeakRSS: 60, Startup: 9},
		{Framework: "A", Task: "mlp", Threads: 1, Value: 100, Unit: "samples/s", Accuracy: 0.7, PeakRSS: 500, Startup: 100},
		{Framework: "B", Task: "mlp", Threads: 1, Value: 150, Unit: "samples/s", Accuracy: 0.6, PeakRSS: 400, Startup: 200},
		{Framework: mlkit, Task: "linear", Threads: 1, Value: 0.01, Unit: "s", PeakRSS: 8},
		{Framework: mlkit, Task: "linear", Threads: 1, Value: 0.02, Unit: "s", PeakRSS: 8},
		{Framework: "A", Task: "linear", Threads: 1, Value: 0.3, Unit: "s", PeakRSS: 300},
		{Framework: "X (batch 1)", Task: "linear", Threads: 1, Value: 0.001, Unit: "s", PeakRSS: 100},
		{Framework: mlkit, Task: "gemm", Size: "64x64x64", Threads: 2, Value: 80, Unit: "GFLOP/s", Peak: 100},
		{Framework: "A", Task: "gemm", Size: "64x64x64", Threads: 2, Value: 40, Unit: "GFLOP/s"},
		{Framework: mlkit, Task: "gemm", Size: "128x128x128", Threads: 2, Value: 80, Unit: "GFLOP/s", Peak: 100},
		{Framework: "A", Task: "gemm", Size: "128x128x128", Threads: 2, Value: 10, Unit: "GFLOP/s"},
		{Framework: mlkit, Task: "cnn-1rank", Threads: 1, Value: 100, Unit: "samples/s"},
		{Framework: "A", Task: "cnn-1rank", Threads: 1, Value: 80, Unit: "samples/s"},
		{Framework: mlkit, Task: "cnn-2ranks", Threads: 1, Value: 190, Unit: "samples/s"},
		{Framework: "A", Task: "cnn-2ranks", Threads: 1, Value: 100, Unit: "samples/s"},
	} {
		table.Add(r)
	}
	got := strings.Join(strings.Fields(table.String()), " ")
	for _, want := range []string{
		"linear 1 0.01 s - 0.3 s, A 30.00",                         // the lower time is better; another batch size is no peer
		"mlp 1 300.0 samples/s",                                    // the best run
		"150.0 samples/s, B 2.00 50 (400) 8 (100) 0.8500 (0.6000)", // least memory and start-up of any peer, mean accuracy
		"gemm 64x64x64 2 80.0 GFLOP/s 80 % 40.0 GFLOP/s, A 2.00",
		"gemm, geometric mean 2 4.00", // of 2 and 8
		"cnn, 2 ranks of 1 thread(s): A 62 % efficient, mlkit 1.90 times as fast; mlkit 95 % efficient;",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the table lacks %q:\n%s", want, table.String())
		}
	}
}

func TestPlanRefusesNonsense(t *testing.T) {
	for want, p := range map[string]plan{
		"there is no task": {tasks: "chess", threads: "1", epochs: 1, rounds: 1},
		"-threads wants":   {tasks: "mlp", threads: "1,many", epochs: 1, rounds: 1},
		"start at 1":       {tasks: "mlp", threads: "1", epochs: 0, rounds: 1},
		"-seconds is":      {tasks: "mlp", threads: "1", epochs: 1, rounds: 1, seconds: -1},
		"-cputime goes":    {tasks: "gru", threads: "1,2", epochs: 1, rounds: 1, cpuTime: true},
	} {
		if err := run(t.Context(), p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", p, err, want)
		}
	}
}

// A side that fails says why, and one that prints nothing is an error.
func TestCollect(t *testing.T) {
	r, err := collect(exec.Command("sh", "-c", `echo noise; echo '{"framework": "F", "task": "mlp", "value": 2}'`))
	if err != nil || len(r) != 1 || r[0].Value != 2 {
		t.Errorf("%v, %v", r, err)
	}
	if _, err := collect(exec.Command("sh", "-c", "echo broken >&2; exit 3")); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("a failure: %v", err)
	}
	if _, err := collect(exec.Command("true")); err == nil {
		t.Error("no result is no error")
	}
}

// What a worker process does, for the tasks that take no data.
func TestWorkersOfShortTasks(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	for _, name := range []string{"linear", "online"} {
		if err := work(t.Context(), job{task: find(name), threads: 1, epochs: 1, seed: 1}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The grid is one of ratios, a row a width.
func TestRatioGrid(t *testing.T) {
	var table Table
	for _, r := range []Result{
		{Framework: mlkit, Size: "64x1", Value: 30}, {Framework: "PyTorch", Size: "64x1", Value: 5}, {Framework: "JAX", Size: "64x1", Value: 10},
		{Framework: mlkit, Size: "2048x4096", Value: 45}, {Framework: "PyTorch", Size: "2048x4096", Value: 90},
		{Framework: mlkit, Size: "256x16", Value: 70},
	} {
		r.Task, r.Threads, r.Unit = "grid", 2, "GFLOP/s"
		table.Add(r)
	}
	got := strings.Join(strings.Fields(table.String()), " ")
	for _, want := range []string{"grid, 2 thread(s)", "width 64 3.00 J - - - - -", "width 256 - 70 GFLOP/s -", "width 2048 - - - - - 0.50 P"} {
		if !strings.Contains(got, want) {
			t.Errorf("the table lacks %q:\n%s", want, table.String())
		}
	}
}

// Blocks are long enough, the last one is what is left of the budget, and a
// mean is one of its own steps alone.
func TestBlocks(t *testing.T) {
	now, steps := 0.0, 0
	c := blocks{budget: 1, now: func() float64 { return now }}
	for c.step() {
		steps++
		now += 0.125
		if steps > 6 {
			now += 0.125
		}
	}
	if want := []float64{0.125, 0.125, 0.125, 0.25}; !slices.Equal(c.perStep, want) {
		t.Errorf("%v, want %v", c.perStep, want)
	}
	once := blocks{now: func() float64 { now++; return now }}
	for once.step() {
	}
	if !slices.Equal(once.perStep, []float64{1}) {
		t.Errorf("without a budget: %v", once.perStep)
	}
}

func TestGroups(t *testing.T) {
	all, err := named("all")
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(all, func(t *task) bool { return t.group == book }) || !slices.Contains(all, find("gpt-256")) || !slices.Contains(all, find("grid")) {
		t.Error("all is every group but the book's")
	}
	if some, err := named("mlp,inference"); err != nil || len(some) != 6 || some[0].name != "mlp" {
		t.Errorf("%d tasks, %v", len(some), err)
	}
	for _, task := range tasks {
		if !slices.Contains(groups, task.group) || task.work == nil {
			t.Errorf("%s is incomplete", task.name)
		}
	}
}

// Peers have no more instructions than we have.
func TestLimits(t *testing.T) {
	best := cpu.Levels[len(cpu.Levels)-1]
	defer cpu.SetLevel(cpu.SetLevel(best))
	if l := limits(); l != nil {
		t.Errorf("with all of the machine's instructions: %v", l)
	}
	if best != cpu.AVX512 {
		t.Skip("this machine has nothing beyond AVX2 to keep the peers from")
	}
	cpu.SetLevel(cpu.AVX2)
	r, err := collect(exec.Command("sh", "-c", `echo '{"framework": "'$ONEDNN_MAX_CPU_ISA$MKL_ENABLE_INSTRUCTIONS$OPENBLAS_CORETYPE$ATEN_CPU_CAPABILITY'"}'`), "OPENBLAS_CORETYPE=Other")
	if err != nil || r[0].Framework != "AVX2AVX2Haswellavx2" {
		t.Errorf("%v, %v", r, err)
	}
	if s := thisMachine().String(); !strings.Contains(s, "kernels: avx2; peers limited by") {
		t.Error(s)
	}
}

// A peer whose packages are missing is said to be.
func TestImports(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	if err := imports(t.Context(), python, []string{"json", "no_such_package"}); err == nil || !strings.HasSuffix(err.Error(), "lacks no_such_package") {
		t.Error(err)
	}
	if err := imports(t.Context(), python, []string{"json"}); err != nil {
		t.Error(err)
	}
}
