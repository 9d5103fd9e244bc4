package cpu

import (
	"fmt"
	"runtime/debug"
)

// Panic carries a panic from the goroutine it happened on to the one that waits
// for the work: there it can be recovered, as if the work had been done in
// place. The zero value holds none.
//
//	go func() {
//		defer close(done)
//		defer func() { p = cpu.Caught(recover()) }()
//		work()
//	}()
//	<-done
//	p.Raise()
type Panic struct {
	value any
	stack []byte
}

// Caught keeps what recover returned and, unless that is nil, the stack it came
// from.
func Caught(v any) Panic {
	if v == nil {
		return Panic{}
	}
	return Panic{v, debug.Stack()}
}

// Value returns what the caught panic was called with, or nil if there is none.
func (p *Panic) Value() any { return p.value }

// Raise panics with the caught value, if there is one. Where nothing recovers
// it, the program's last words hold the stack of the goroutine it was caught
// on, too.
func (p *Panic) Raise() {
	if p.value == nil {
		return
	}
	// Of two panics, one in the other's course, recover sees the later one, and
	// the runtime prints both.
	defer panic(p.value)
	panic(elsewhere(p.stack))
}

// elsewhere is the stack of a goroutine that panicked, printed as it stands.
type elsewhere []byte

func (e elsewhere) Error() string { return fmt.Sprintf("on another goroutine:\n%s", []byte(e)) }
