package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"unsafe"

	"descent/mlkit/nn"
	"descent/mlkit/optim"
)

// crew is what the ranks of a Config.Group do together beside the arithmetic of
// a step: agree, pass texts and files, put shares of the optimizer together. A
// nil crew is a training by itself.
type crew struct {
	Group
	send, recv []float32 // of gatherWeights
}

// Rank is the rank of this process among those of Config.Group, 0 without one.
// Rank 0 writes files and progress; a callback that does so, too, asks for it.
func (r *Run) Rank() int {
	if r.Config.Group == nil {
		return 0
	}
	return r.Config.Group.Rank()
}

// sharedError is one that all ranks have met at once: one of them reports it.
type sharedError struct{ error }

func (e sharedError) Unwrap() error { return e.error }

// fail ends the work of all ranks after an error and returns it.
func (c *crew) fail(err error) error {
	var shared sharedError
	if errors.As(err, &shared) {
		err = shared.error
		if c.Rank() != 0 {
			_ = c.Fail(nil) // returns what it was given
			return err
		}
	}
	return c.Fail(err)
}

// agree makes the first rank's error that of all; nil if none has one. ErrStop
// counts less than a failure.
func (c *crew) agree(err error) error {
	const none, stopped, failed = 0, 1, 2
	mine := none
	if errors.Is(err, ErrStop) {
		mine = stopped
	} else if err != nil {
		mine = failed
	}
	var send [1]float32
	recv := make([]float32, c.Ranks())
	send[0] = float32(mine)
	if err := c.AllGather(recv, send[:]).Wait(); err != nil {
		return err
	}
	worst, who := none, 0
	for r, v := range recv {
		if int(v) > worst {
			worst, who = int(v), r
		}
	}
	if worst == none {
		return nil
	}
	text := ""
	if err != nil && c.Rank() == who {
		text = err.Error()
	}
	texts, broken := c.texts(text)
	switch {
	case broken != nil:
		return broken
	case worst == stopped && mine == stopped:
		return err
	case worst == stopped:
		return Stop(texts[who])
	case c.Rank() == who:
		if who == 0 {
			return sharedError{err}
		}
		return sharedError{fmt.Errorf("rank %d: %w", who, err)}
	}
	return sharedError{&RankError{who, errors.New(texts[who])}}
}

// texts gathers a text from every rank.
func (c *crew) texts(mine string) ([]string, error) {
	sizes := make([]float32, 2*c.Ranks())
	var size [2]float32
	putFloat(size[:], float64(len(mine)))
	if err := c.AllGather(sizes, size[:]).Wait(); err != nil {
		return nil, err
	}
	most := 0
	for r := range c.Ranks() {
		most = max(most, int(getFloat(sizes[2*r:])))
	}
	words := (most + 3) / 4
	src, dst := make([]float32, words), make([]float32, words*c.Ranks())
	if words > 0 {
		copy(bytesOf(src), mine)
		if err := c.AllGather(dst, src).Wait(); err != nil {
			return nil, err
		}
	}
	texts := make([]string, c.Ranks())
	for r := range texts {
		if words > 0 {
			texts[r] = string(bytesOf(dst[r*words : (r+1)*words])[:int(getFloat(sizes[2*r:]))])
		}
	}
	return texts, nil
}

// putFloat and getFloat carry the bits of a float64 as two float32, which no
// operation computes with.
func putFloat(to []float32, v float64) {
	b := math.Float64bits(v)
	to[0], to[1] = math.Float32frombits(uint32(b)), math.Float32frombits(uint32(b>>32))
}

func getFloat(from []float32) float64 {
	return math.Float64frombits(uint64(math.Float32bits(from[0])) | uint64(math.Float32bits(from[1]))<<32)
}

func bytesOf(x []float32) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*len(x))
}

// same compares what each rank says about its training with rank 0's.
func (c *crew) same(mine []setting) error {
	text, err := json.Marshal(mine)
	if err != nil {
		return err
	}
	texts, err := c.texts(string(text))
	if err != nil {
		return err
	}
	var first []setting
	if err := json.Unmarshal([]byte(texts[0]), &first); err != nil {
		return err
	}
	was := map[string]string{}
	for _, s := range first {
		was[s.Name] = s.Value
	}
	for r, text := range texts {
		var its []setting
		if err := json.Unmarshal([]byte(text), &its); err != nil {
			return err
		}
		var differ []string
		for _, s := range its {
			v, there := was[s.Name]
			switch {
			case !there:
				differ = append(differ, fmt.Sprintf("%s is %s, and rank 0 has none", s.Name, s.Value))
			case v != s.Value:
				differ = append(differ, fmt.Sprintf("%s is %s, on rank 0 %s", s.Name, s.Value, v))
			}
		}
		if len(differ) == 0 && len(its) < len(first) {
			differ = append(differ, fmt.Sprintf("it has %d settings and tensors, rank 0 has %d", len(its), len(first)))
		}
		if len(differ) > 0 {
			return sharedError{fmt.Errorf("train: the ranks were started with different trainings. On rank %d: %s", r, strings.Join(differ, "; "))}
		}
	}
	return nil
}

// outline is what must be the same on all ranks.
func (f *fitter[B]) outline() []setting {
	p := f.fingerprint()
	add := func(name string, v any) { p.Settings = append(p.Settings, setting{name, fmt.Sprint(v)}) }
	c := f.Config
	add("Epochs", c.Epochs)
	add("a Schedule", fmt.Sprint(p.Schedule))
	add("ShareState", c.ShareState)
	add("AnyOrder", c.AnyOrder)
	add("the number of callbacks", len(c.Callbacks))
	add("a Validation", onOff(c.Validation == nil))
	add("AllowNonFinite", c.AllowNonFinite)
	add("resuming", c.Resume != "")
	for _, n := range nn.State(f.Model) {
		add("the shape of "+n.Name, dims(n))
	}
	for _, n := range nn.State(f.Model) { // shapes first: a message should name them
		add("the contents of "+n.Name+" before the first step (a checksum; make the model from the same seed)", checksum(values(n)))
		if n.Param != nil {
			add("Frozen of "+n.Name, n.Param.Frozen)
		}
	}
	return p.Settings
}

// fetch gives every rank the file that rank 0 has, by the name of a copy, which
// is to be removed, on the others. An error that is os.ErrNotExist means that
// rank 0 has none.
func (c *crew) fetch(path string) (local string, err error) {
	const missing, broken = -1, -2
	var head [2]float32
	var content []byte
	size := 0
	if c.Rank() == 0 {
		if content, err = os.ReadFile(path); errors.Is(err, os.ErrNotExist) {
			size = missing
		} else if err != nil {
			size = broken
		} else {
			size = len(content)
		}
		putFloat(head[:], float64(size))
	}
	if err := c.Broadcast(head[:], 0).Wait(); err != nil {
		return "", err
	}
	switch size = int(getFloat(head[:])); {
	case size == missing:
		return "", os.ErrNotExist
	case size == broken && c.Rank() == 0:
		return "", err
	case size == broken:
		return "", sharedError{errors.New("rank 0 cannot read the checkpoint")}
	}
	var to *os.File
	if c.Rank() != 0 {
		if to, err = os.CreateTemp("", "mlkit-checkpoint-*"); err != nil {
			return "", err
		}
		defer to.Close()
		path = to.Name()
	}
	chunk := make([]float32, 1<<20)
	for at := 0; at < size; at += 4 * len(chunk) {
		n := min(4*len(chunk), size-at)
		part := chunk[:(n+3)/4]
		if c.Rank() == 0 {
			copy(bytesOf(part), content[at:at+n])
		}
		if err := c.Broadcast(part, 0).Wait(); err != nil {
			return path, err
		}
		if c.Rank() != 0 {
			if _, err := to.Write(bytesOf(part)[:n]); err != nil {
				return path, err
			}
		}
	}
	return path, nil
}

// measured runs a validation on rank 0 and gives all ranks its figures: what a
// callback decides by them, all decide.
func (c *crew) measured(into map[string]float64, measure func() error) error {
	if c == nil {
		return measure()
	}
	text := ""
	if c.Rank() == 0 {
		if err := measure(); err != nil {
			return err
		}
		figures := map[string]number{}
		for k, v := range into {
			figures[k] = number(v)
		}
		b, err := json.Marshal(figures)
		if err != nil {
			return err
		}
		text = string(b)
	}
	texts, err := c.texts(text)
	if err != nil {
		return err
	}
	figures := map[string]number{}
	if err := json.Unmarshal([]byte(texts[0]), &figures); err != nil {
		return err
	}
	for k, v := range figures {
		into[k] = float64(v)
	}
	return nil
}

// gatherWeights brings every parameter from the rank that has stepped it.
func (c *crew) gatherWeights(o *optim.Optimizer) error {
	if c.Ranks() == 1 {
		return nil
	}
	params := o.Params()
	if c.send == nil {
		most := 0
		for r := range c.Ranks() {
			n := 0
			for _, own := range o.Share(r) {
				n += own[1] - own[0]
			}
			most = max(most, n)
		}
		c.send, c.recv = make([]float32, most), make([]float32, most*c.Ranks())
	}
	at := 0
	for i, own := range o.Share(c.Rank()) {
		at += copy(c.send[at:], params[i].Data[own[0]:own[1]])
	}
	if err := c.AllGather(c.recv, c.send).Wait(); err != nil {
		return err
	}
	for r := range c.Ranks() {
		if r == c.Rank() {
			continue
		}
		at := r * len(c.send)
		for i, own := range o.Share(r) {
			at += copy(params[i].Data[own[0]:own[1]], c.recv[at:])
		}
	}
	return nil
}

// owner is the rank that steps the whole of a parameter; −1 if none does.
func (c *crew) owner(o *optim.Optimizer, param int) int {
	for r := range c.Ranks() {
		if own := o.Share(r)[param]; own[1]-own[0] == o.Params()[param].Size() {
			return r
		}
	}
	return -1
}

// gatherSlot puts a slot of a shared optimizer together.
func (c *crew) gatherSlot(o *optim.Optimizer, s optim.Slot) ([]float32, error) {
	if s.Param < 0 {
		return s.Data, nil
	}
	if who := c.owner(o, s.Param); who >= 0 {
		var size [2]float32
		putFloat(size[:], float64(len(s.Data)))
		if err := c.Broadcast(size[:], who).Wait(); err != nil {
			return nil, err
		}
		x := s.Data
		if n := int(getFloat(size[:])); c.Rank() != who {
			x = make([]float32, n)
		}
		if len(x) == 0 {
			return x, nil
		}
		return x, c.Broadcast(x, who).Wait()
	}
	if !s.ByElement() {
		return s.Data, nil
	}
	most := 0
	for r := range c.Ranks() {
		own := o.Share(r)[s.Param]
		most = max(most, own[1]-own[0])
	}
	src, dst := make([]float32, most), make([]float32, most*c.Ranks())
	copy(src, s.Data)
	if err := c.AllGather(dst, src).Wait(); err != nil {
		return nil, err
	}
	whole := make([]float32, o.Params()[s.Param].Size())
	for r := range c.Ranks() {
		own := o.Share(r)[s.Param]
		copy(whole[own[0]:own[1]], dst[r*most:])
	}
	return whole, nil
}
