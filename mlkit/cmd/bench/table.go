package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// Table collects results and prints, for every task and number of threads, our
// best beside each peer's best.
type Table struct {
	rows map[rowKey]map[string]*best
	keys []rowKey // in the order of their first results
}

type rowKey struct {
	task    string
	order   int
	size    string
	threads int
}

// best is the best of several runs of one side: the highest rate or the lowest
// time, the smallest peak memory and start-up, the mean accuracy.
type best struct {
	Result
	runs     int
	accuracy float64
}

// lower reports whether small values are good.
func lower(unit string) bool { return unit == "s" || unit == "µs" }

// Add takes one more result.
func (t *Table) Add(r Result) {
	if t.rows == nil {
		t.rows = map[rowKey]map[string]*best{}
	}
	key := t.key(r.Task, r.Size, r.Threads)
	if t.rows[key] == nil {
		t.rows[key] = map[string]*best{}
		t.keys = append(t.keys, key)
	}
	b := t.rows[key][r.Framework]
	if b == nil {
		t.rows[key][r.Framework] = &best{r, 1, r.Accuracy}
		return
	}
	b.runs++
	b.accuracy += r.Accuracy
	if lower(r.Unit) == (r.Value < b.Value) {
		b.Value = r.Value
	}
	b.PeakRSS, b.Peak = min(b.PeakRSS, r.PeakRSS), max(b.Peak, r.Peak)
	if b.Startup == 0 || r.Startup < b.Startup {
		b.Startup = r.Startup
	}
}

func (t *Table) key(task, size string, threads int) rowKey {
	return rowKey{task, slices.Index(taskNames(), task), size, threads}
}

// bestPeer is the one that is best at the task itself; nil if there is none.
func bestPeer(row map[string]*best) (peer *best) {
	for _, name := range slices.Sorted(maps.Keys(row)) {
		if b := row[name]; name != mlkit && !strings.Contains(name, "(batch 1)") && (peer == nil || ratio(peer, b) < 1) {
			peer = b
		}
	}
	return peer
}

// ratio says how many times as good as b we are.
func ratio(us, b *best) float64 {
	if lower(us.Unit) {
		return b.Value / us.Value
	}
	return us.Value / b.Value
}

func (t *Table) String() string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 8, 2, ' ', 0)
	keys := slices.Clone(t.keys)
	slices.SortStableFunc(keys, func(a, b rowKey) int {
		if a.order != b.order {
			return a.order - b.order
		}
		return a.threads - b.threads
	})
	fmt.Fprintln(w, "task\tthreads\tmlkit\tof the FMA peak\tbest peer\tratio\tmemory MB (peer)\tstart-up ms (peer)\taccuracy (peer)")
	var logs []float64
	for i, k := range keys {
		row := t.rows[k]
		us := row[mlkit]
		if us == nil || k.task == "grid" {
			continue
		}
		peer := bestPeer(row)
		memory, startup := math.Inf(1), math.Inf(1)
		for _, name := range slices.Sorted(maps.Keys(row)) {
			if b := row[name]; name != mlkit && !strings.Contains(name, "(batch 1)") {
				memory = min(memory, b.PeakRSS)
				if b.Startup > 0 {
					startup = min(startup, b.Startup)
				}
			}
		}
		label := k.task
		if k.size != "" {
			label += " " + k.size
		}
		share := "-"
		if us.Peak > 0 {
			share = fmt.Sprintf("%.0f %%", 100*us.Value*find(k.task).flops(k.size)/1e9/us.Peak)
			if us.Unit == "GFLOP/s" {
				share = fmt.Sprintf("%.0f %%", 100*us.Value/us.Peak)
			}
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t", label, k.threads, figure(us), share)
		if peer == nil {
			fmt.Fprintf(w, "-\t-\t%.0f\t%s\t%s\n", us.PeakRSS, positive(us.Startup), accuracy(us))
		} else {
			r := ratio(us, peer)
			fmt.Fprintf(w, "%s, %s\t%.2f\t%.0f (%.0f)\t%s (%s)\t%s (%s)\n", figure(peer), peer.Framework, r,
				us.PeakRSS, memory, positive(us.Startup), positive(startup), accuracy(us), accuracy(peer))
			if k.task == "gemm" {
				logs = append(logs, math.Log(r))
			}
		}
		last := i == len(keys)-1 || keys[i+1].task != k.task || keys[i+1].threads != k.threads
		if last && len(logs) > 0 {
			sum := 0.0
			for _, l := range logs {
				sum += l
			}
			fmt.Fprintf(w, "%s, geometric mean\t%d\t\t\t\t%.2f\t\t\t\n", k.task, k.threads, math.Exp(sum/float64(len(logs))))
			logs = nil
		}
	}
	w.Flush()
	for i, k := range keys {
		if k.task == "grid" && (i == 0 || keys[i-1].task != "grid" || keys[i-1].threads != k.threads) {
			fmt.Fprintf(&out, "\ngrid, %d thread(s): ratio to the best peer, by its initial\n%s", k.threads, t.ratioGrid(k.threads))
		}
	}
	if s := t.efficiencies(); s != "" {
		out.WriteString("\nranks\n" + s)
	}
	out.WriteString("\nall sides, best of their runs\n")
	for _, k := range keys {
		label := k.task
		if k.size != "" {
			label += " " + k.size
		}
		fmt.Fprintf(&out, "%s, %d thread(s):", label, k.threads)
		for _, name := range slices.Sorted(maps.Keys(t.rows[k])) {
			fmt.Fprintf(&out, "  %s %s;", name, figure(t.rows[k][name]))
		}
		out.WriteString("\n")
	}
	return out.String()
}

func figure(b *best) string {
	v := b.Value
	switch {
	case v >= 1e4:
		return fmt.Sprintf("%.0f %s", v, b.Unit)
	case v >= 10:
		return fmt.Sprintf("%.1f %s", v, b.Unit)
	}
	return fmt.Sprintf("%.4g %s", v, b.Unit)
}

func positive(v float64) string {
	if v <= 0 || math.IsInf(v, 0) {
		return "-"
	}
	return fmt.Sprintf("%.0f", v)
}

func accuracy(b *best) string {
	if b.accuracy == 0 {
		return "-"
	}
	return fmt.Sprintf("%.4f", b.accuracy/float64(b.runs))
}
