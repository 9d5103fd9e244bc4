//go:build linux

package main

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report collects what the checks measured, to be printed together at the end.
type report struct {
	lines []string
	busy  watch
}

func newReport() *report { return &report{busy: newWatch()} }

// took records a time; a note says of what.
func (r *report) took(name string, d time.Duration, note string) {
	r.note(name, fmt.Sprintf("%6.1f s", d.Seconds()), note)
}

// note records anything else.
func (r *report) note(name, value, note string) {
	r.lines = append(r.lines, strings.TrimRight(fmt.Sprintf("%-12s %s   %s", name, value, note), " "))
}

// sizes records the image's layers, the largest first, and returns the size of
// all.
func (r *report) sizes(layers []layer) int64 {
	var sum int64
	for _, l := range layers {
		sum += l.size
	}
	r.note("size", megabytes(sum), "not compressed, of which")
	layers = slices.Clone(layers)
	slices.SortStableFunc(layers, func(a, b layer) int { return cmp.Compare(b.size, a.size) })
	for _, l := range layers {
		if l.size >= 50_000 {
			r.note("", megabytes(l.size), made(l.by))
		}
	}
	return sum
}

func megabytes(n int64) string { return fmt.Sprintf("%6.1f MB", float64(n)/1e6) }

var noise = regexp.MustCompile(`/bin/sh -c |#\(nop\) |^RUN |\|\d+ \S+=\S+ |# buildkit$`)

// made shortens what an engine says of a layer's making: the folder that was
// copied, or the beginning of the command.
func made(by string) string {
	by = strings.Join(strings.Fields(noise.ReplaceAllString(by, "")), " ")
	if kind, _, _ := strings.Cut(by, " "); kind == "COPY" || kind == "ADD" {
		return kind + " " + by[strings.LastIndex(by, " ")+1:]
	}
	return fmt.Sprintf("%.90s", by)
}

// print prints it.
func (r *report) print(arch, engine string) {
	fmt.Printf("== report: linux/%s on %s, %d processors of %s", arch, engine, runtime.NumCPU(), runtime.GOARCH)
	if wall, waited := r.busy.read(); wall > 0 {
		fmt.Printf(", programs had to wait for one %.0f %% of the time", 100*waited.Seconds()/wall.Seconds())
	}
	fmt.Println()
	for _, line := range r.lines {
		fmt.Println("   " + line)
	}
}

// watch measures a time, and for how much of it some program of the machine
// waited for a processor: that is not the image's doing. A machine with nothing
// else to do has next to none of it.
type watch struct {
	start  time.Time
	waited time.Duration
}

func newWatch() watch { return watch{time.Now(), pressure()} }

// read returns the time since the start, and how much of it was waiting.
func (w watch) read() (wall, waited time.Duration) {
	return time.Since(w.start), pressure() - w.waited
}

// pressure is the kernel's count of that time
// (Documentation/accounting/psi.rst), zero where the kernel keeps none.
func pressure() time.Duration {
	data, _ := os.ReadFile("/proc/pressure/cpu")
	return parsePressure(string(data))
}

func parsePressure(text string) time.Duration {
	for line := range strings.Lines(text) {
		var avg10, avg60, avg300 float64
		var total int64
		if n, _ := fmt.Sscanf(line, "some avg10=%f avg60=%f avg300=%f total=%d", &avg10, &avg60, &avg300, &total); n == 4 {
			return time.Duration(total) * time.Microsecond
		}
	}
	return 0
}
