package show

import (
	"sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
)

// Live is one output of a cell that changes while the cell runs, such as the
// loss curve of a training run in progress. Only its last state stays in the
// notebook.
//
//	live := show.NewLive()
//	defer live.Close()
//	for step := range steps {
//		…
//		live.Update(func() show.Drawing { return show.Plot("Loss", "step", "loss").Line("train", nil, losses) })
//	}
type Live struct {
	mu      sync.Mutex
	id      string
	next    time.Time // nothing is drawn before
	pending func() Drawing
	quiet   bool
	draw    func(bundle, string)
	now     func() time.Time
}

const (
	liveInterval = 100 * time.Millisecond
	liveShare    = 5 // drawing takes at most one part in this many of the time
)

// NewLive starts an output. If nobody is watching (see Headless) only the last
// state is drawn.
func NewLive() *Live {
	l := &Live{quiet: Headless() || !InNotebook(), draw: send, now: time.Now}
	if InNotebook() {
		l.id = "live-" + gonbui.UniqueId()
	}
	return l
}

// Update offers a new state. At most ten per second are drawn, and fewer if
// drawing is slow; the others cost nothing, because picture is not called for
// them. Update draws in the calling goroutine, so picture may read what the
// caller is changing.
func (l *Live) Update(picture func() Drawing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = picture
	if start := l.now(); !l.quiet && !start.Before(l.next) {
		l.flush()
		took := l.now().Sub(start)
		l.next = start.Add(max(liveInterval, liveShare*took))
	}
}

// Close draws the last state if that has not been done yet. Without Close, the
// notebook may keep an earlier one.
func (l *Live) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
}

func (l *Live) flush() {
	if l.pending != nil {
		l.draw(pngBundle(l.pending().picture()), l.id)
		l.pending = nil
	}
}
