//go:build (linux || darwin) && (amd64 || arm64)

package mpi

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// every is how often a rank tells the next one that it lives, and missing after
// how long the next one ends the job; starving, if it sees on its own machine
// that the silent process is not stopped: too many others want the processor.
const (
	every    = 500 * time.Millisecond
	missing  = 3 * time.Second
	starving = time.Minute
)

// beat is a ring in which each rank sends a byte to the next one, twice a
// second, on a communicator of its own.
type beat struct {
	comm           uintptr
	sends, hears   uintptr // requests
	out, in        [1]byte
	flag           int32
	last           time.Time
	before         [2]float32 // the process of the rank before: see process
	sending        bool
	bye            bool
	stop, finished chan struct{}
}

const (
	alive   = 1
	leaving = 2
	beatTag = 7
)

func (w *World) startBeat() error {
	e := w.engine
	b := &e.beat
	if err := e.do("MPI_Comm_dup", e.world, uintptr(unsafe.Pointer(&b.comm))); err != nil {
		return err
	}
	if err := e.do("MPI_Comm_set_errhandler", b.comm, e.errorsReturn); err != nil {
		return err
	}
	_, began := process(os.Getpid())
	mine := []float32{math.Float32frombits(uint32(os.Getpid())), math.Float32frombits(began)}
	all := make([]float32, 2*w.ranks)
	if err := w.AllGather(all, mine).Wait(); err != nil {
		return err
	}
	copy(b.before[:], all[2*((w.rank+w.ranks-1)%w.ranks):])
	b.last = time.Now()
	b.stop, b.finished = make(chan struct{}), make(chan struct{})
	if err := w.listen(); err != nil {
		return err
	}
	go w.keepBeating()
	return nil
}

// starves reports whether the rank before, of which nothing is heard, is a
// process of this machine that nobody has stopped.
func (b *beat) starves() bool {
	state, began := process(int(math.Float32bits(b.before[0])))
	return began != 0 && began == math.Float32bits(b.before[1]) && !strings.ContainsRune("TtZX", rune(state))
}

// listen asks for the next byte of the rank before.
func (w *World) listen() error {
	e := w.engine
	b := &e.beat
	before := (w.rank + w.ranks - 1) % w.ranks
	return e.do("MPI_Irecv", uintptr(unsafe.Pointer(&b.in[0])), 1, e.bytes, uintptr(before), beatTag, b.comm,
		uintptr(unsafe.Pointer(&b.hears)))
}

// say sends a byte to the next rank, unless the one before is still under way.
func (w *World) say(what byte) (sent bool, err error) {
	e := w.engine
	b := &e.beat
	if b.sending {
		b.flag = 0
		if err := e.do("MPI_Test", uintptr(unsafe.Pointer(&b.sends)), uintptr(unsafe.Pointer(&b.flag)), 0); err != nil {
			return false, err
		}
		if b.sending = b.flag == 0; b.sending {
			return false, nil
		}
	}
	if what == 0 {
		return true, nil
	}
	b.out[0] = what
	b.sending = true
	return true, e.do("MPI_Isend", uintptr(unsafe.Pointer(&b.out[0])), 1, e.bytes, uintptr((w.rank+1)%w.ranks),
		beatTag, b.comm, uintptr(unsafe.Pointer(&b.sends)))
}

// hear takes what has come from the rank before.
func (w *World) hear() error {
	e := w.engine
	b := &e.beat
	for !b.bye {
		b.flag = 0
		if err := e.do("MPI_Test", uintptr(unsafe.Pointer(&b.hears)), uintptr(unsafe.Pointer(&b.flag)), 0); err != nil {
			return err
		}
		if b.flag == 0 {
			return nil
		}
		b.last = time.Now()
		if b.in[0] == leaving {
			b.bye = true
			return nil
		}
		if err := w.listen(); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) keepBeating() {
	e := w.engine
	b := &e.beat
	defer close(b.finished)
	tick := time.NewTicker(every)
	defer tick.Stop()
	checked := time.Now()
	for {
		select {
		case <-b.stop:
			return
		case <-tick.C:
		}
		if os.Getppid() != e.parent { // the launcher, which would end this process, is gone
			if w.rank == 0 {
				fmt.Fprintf(os.Stderr, "rank 0 of %d: the launcher has ended; so does the job\n", w.ranks)
			}
			os.Exit(1)
		}
		_, err := w.say(alive)
		if err == nil {
			err = w.hear()
		}
		before := (w.rank + w.ranks - 1) % w.ranks
		if err != nil {
			w.end(fmt.Sprintf("rank %d of %d: rank %d or rank %d cannot be reached: %v", w.rank, w.ranks, before, (w.rank+1)%w.ranks, err))
		}
		now := time.Now()
		if now.Sub(checked) > 2*every { // this process itself was stopped: others are to be heard again first
			b.last = now
		}
		checked = now
		if silent := now.Sub(b.last); !b.bye && silent > missing && (silent > starving || !b.starves()) {
			w.end(fmt.Sprintf("rank %d of %d: nothing has been heard of rank %d for %v: it is stopped, or its machine is gone", w.rank, w.ranks, before, silent.Round(time.Second)))
		}
	}
}

// stopBeat says good-bye to the next rank and waits for the one before.
func (w *World) stopBeat() error {
	b := &w.engine.beat
	close(b.stop)
	<-b.finished
	said := false
	var p patience
	for begun := time.Now(); ; {
		var err error
		if !said {
			said, err = w.say(leaving)
		} else if _, err = w.say(0); err == nil {
			err = w.hear()
		}
		if err != nil {
			return err
		}
		if said && !b.sending && b.bye {
			return nil
		}
		if time.Since(begun) > 2*missing {
			return fmt.Errorf("mpi: rank %d does not come to Close", (w.rank+w.ranks-1)%w.ranks)
		}
		p.pause()
	}
}

// launchedRanks is how many processes the launcher says there are; 0 if it does
// not say.
func launchedRanks() int {
	for _, name := range []string{"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"} {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			return n
		}
	}
	return 0
}
