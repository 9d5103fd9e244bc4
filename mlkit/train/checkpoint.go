package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"descent/mlkit/formats"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
)

const checkpointKey = "mlkit.train"

// Checkpoint saves the training to a file after every epoch, and after every
// everySteps steps where that is not 0, and when the run is interrupted through
// its context. Config.Resume goes on from the file: a training stopped anywhere
// and resumed ends in the same bits as one that was never stopped.
//
// The file is in safetensors format: the model's weights under their own names
// (the averaged ones with an optim.Averager), so LoadWeights and PyTorch's
// safetensors read them, and under names that
// begin with "train/" the state of the optimizer and of callbacks. It is
// complete or the one before (see formats.WriteFile); it holds the fingerprint
// of the training's settings and data, and a checksum of itself. A place that
// cannot be written ends the run before its first step.
func Checkpoint(path string, everySteps int) Callback {
	return func(e Event, r *Run) error {
		if e == Begin && r.Rank() == 0 {
			if err := formats.CheckWritable(path); err != nil {
				return fmt.Errorf("train: checkpoint: %w", err)
			}
		}
		if e == EpochEnd || e == StepEnd && everySteps > 0 && r.Step%everySteps == 0 || e == End && r.interrupted() {
			r.SaveAfter(path)
		}
		return nil
	}
}

// SaveAfter asks for a checkpoint when all callbacks of this event have run,
// so that it holds their state after it. A run that a callback stops at the
// same event is not saved: resumed from an earlier checkpoint it stops there
// again.
func (r *Run) SaveAfter(path string) { r.saveTo = path }

// Keep makes *state part of the checkpoints of this run, under a name that no
// other callback uses, as JSON. In a resumed run it fills *state from the
// checkpoint. A callback that remembers something calls it at Begin. A state of
// which JSON would leave something out is an error.
func (r *Run) Keep(name string, state any) error {
	if err := lossless(reflect.TypeOf(state), map[reflect.Type]bool{}); err != nil {
		return fmt.Errorf("train: state %q: %w", name, err)
	}
	name = r.unused(name)
	r.kept = append(r.kept, kept{name: name, state: state})
	if r.resumed == nil {
		return nil
	}
	text, ok := r.resumed.Kept[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(text, state); err != nil {
		return fmt.Errorf("train: resume: state %q: %w", name, err)
	}
	return nil
}

// KeepFloats is Keep for many numbers: a copy of weights, an average.
func (r *Run) KeepFloats(name string, x []float32) error {
	name = r.unused(name)
	r.kept = append(r.kept, kept{name: name, floats: x})
	if r.resumed == nil {
		return nil
	}
	if _, ok := r.resumed.file.Info(keptPrefix + name); !ok {
		return nil
	}
	if err := r.resumed.file.ReadFloats(keptPrefix+name, x); err != nil {
		return fmt.Errorf("train: resume: state %q: %w", name, err)
	}
	return nil
}

// unused numbers the names of two callbacks of a kind.
func (r *Run) unused(name string) string {
	for n, base := 2, name; slices.ContainsFunc(r.kept, func(k kept) bool { return k.name == name }); n++ {
		name = fmt.Sprintf("%s#%d", base, n)
	}
	return name
}

// kept is something that a callback wants in checkpoints.
type kept struct {
	name   string
	state  any
	floats []float32 // instead of state
}

// checkpoint is the part of a training's state that is not arrays.
type checkpoint struct {
	Version int

	Epoch, Step, StepInEpoch int
	EpochMean                mean
	TapeStep                 uint64
	OptimizerSteps           int
	OptimizerScale           number
	Counts                   map[string]int64 // commits to each buffer
	History                  History
	Kept                     map[string]json.RawMessage

	StepsPerEpoch int
	Fingerprint   fingerprint

	file *formats.Safetensors // open until the callbacks have begun
}

// save writes a checkpoint of the run after event e.
func (r *Run) save(path string, e Event) error {
	if r.midStep {
		return nil // between two steps of accumulated batches: the last file stays
	}
	if e == Begin || e == StepEnd { // else they are in already
		r.Optimizer.Average(true)
		defer r.Optimizer.Average(false)
	}
	c := checkpoint{Version: version, Epoch: r.Epoch, Step: r.Step, StepInEpoch: r.StepInEpoch, TapeStep: r.Tape.Step(),
		EpochMean:      r.epochMean,
		OptimizerSteps: r.Optimizer.Steps(), OptimizerScale: number(r.Optimizer.Scale),
		Counts: map[string]int64{}, Kept: map[string]json.RawMessage{},
		StepsPerEpoch: r.StepsPerEpoch, Fingerprint: r.print}
	if e == EpochEnd { // the next thing to do is the next epoch
		c.Epoch, c.StepInEpoch, c.EpochMean = r.Epoch+1, 0, mean{}
	}
	c.History = r.History.withoutSteps()
	c.History.Epochs = slices.DeleteFunc(slices.Clone(c.History.Epochs),
		func(p Epoch) bool { return p.Number >= c.Epoch })
	state := nn.State(r.Model)
	arrays := append(weights(state), r.History.stepArray()...)
	for _, n := range state {
		if n.Buffer != nil {
			c.Counts[n.Name] = n.Buffer.Count
		}
	}
	for i, s := range r.Optimizer.State() {
		whole := s.Data
		if r.Config.ShareState {
			var err error
			if whole, err = r.crew.gatherSlot(r.Optimizer, s); err != nil {
				return err
			}
		}
		arrays = append(arrays, formats.Array{Name: r.slotName(i), Dims: []int{len(whole)}, Data: whole})
	}
	if r.Rank() != 0 {
		return nil
	}
	for _, k := range r.kept {
		if k.floats != nil {
			arrays = append(arrays, formats.Array{Name: keptPrefix + k.name, Dims: []int{len(k.floats)},
				Data: k.floats})
			continue
		}
		text, err := json.Marshal(k.state)
		if err != nil {
			return fmt.Errorf("train: checkpoint: state %q: %w", k.name, err)
		}
		c.Kept[k.name] = text
	}
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	if err := writeSealed(path, arrays, map[string]string{checkpointKey: string(text)}); err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	return nil
}

const keptPrefix = statePrefix + "kept/"

// slotName names the i-th slot of the optimizer's state: its place in the
// chain, what it is, whose.
func (r *Run) slotName(i int) string {
	s := r.Optimizer.State()[i]
	owner := "all"
	if s.Param >= 0 {
		owner = r.Optimizer.Params()[s.Param].Name
	}
	return fmt.Sprintf("%soptimizer/%d/%s/%s", statePrefix, i, s.Name, owner)
}

// resume reads a checkpoint into the run, its model and its optimizer, and
// leaves the file open for Keep. unchanged refuses another training's. An error
// that is fs.ErrNotExist means that there is none.
func (r *Run) resume(path string, unchanged func(*checkpoint) error) error {
	s, err := openSealed(path)
	if err != nil {
		return err
	}
	var c checkpoint
	if err := r.readState(s, &c, unchanged); err != nil {
		s.Close()
		return fmt.Errorf("%s: %w", path, err)
	}
	c.file = s
	*r.History = c.History
	r.Epoch, r.Step, r.StepInEpoch = c.Epoch, c.Step, c.StepInEpoch
	r.epochMean = c.EpochMean
	r.Tape.Seed(r.Config.Seed, c.TapeStep)
	r.Optimizer.SetSteps(c.OptimizerSteps)
	r.Optimizer.Scale = float64(c.OptimizerScale)
	r.Optimizer.Average(true) // as the file's weights are
	r.Optimizer.Average(false)
	r.resumed = &c
	return nil
}

func (r *Run) readState(s *formats.Safetensors, c *checkpoint, unchanged func(*checkpoint) error) error {
	text, ok := s.Metadata[checkpointKey]
	if !ok {
		return errors.New("there are weights in the file but no state of a training: load it with LoadWeights")
	}
	if err := json.Unmarshal([]byte(text), c); err != nil {
		return fmt.Errorf("state of the training: %w", err)
	}
	if err := r.checkState(c); err != nil {
		return err
	}
	// Everything is checked before anything is changed.
	slots := r.Optimizer.State()
	want := map[string]int{}
	for i, slot := range slots {
		name := r.slotName(i)
		want[name] = i
		if info, ok := s.Info(name); !ok {
			return fmt.Errorf("the file has no %q: another optimizer was trained", name)
		} else if n := r.sizeOf(slot); len(info.Dims) != 1 || n >= 0 && info.Dims[0] != n || info.DType != "F32" {
			return fmt.Errorf("%q is %s of %v, want F32 of [%d]", name, info.DType, info.Dims, n)
		}
	}
	for _, name := range s.Names() {
		if _, ok := want[name]; !ok && strings.HasPrefix(name, statePrefix) &&
			!strings.HasPrefix(name, keptPrefix) && name != stepLossName {
			return fmt.Errorf("%q is in the file but not in this training: another optimizer was trained", name)
		}
	}
	if err := unchanged(c); err != nil {
		return err
	}
	if r.Config.KeepSteps {
		if err := c.History.readSteps(s); err != nil {
			return err
		}
		for len(c.History.StepLoss) < c.Step { // of a run that did not keep them
			c.History.StepLoss = append(c.History.StepLoss, nan)
		}
	}
	if err := LoadTensors(s, r.Model, LoadOptions{}); err != nil {
		return err
	}
	for i, slot := range slots {
		if err := r.readSlot(s, r.slotName(i), slot); err != nil {
			return err
		}
	}
	for _, n := range nn.State(r.Model) {
		if n.Buffer != nil {
			n.Buffer.Count = c.Counts[n.Name]
		}
	}
	return nil
}

// sizeOf is how many numbers a slot has in a file: those of all ranks. −1 where
// this rank cannot tell, as it has no share of the parameter.
func (r *Run) sizeOf(s optim.Slot) int {
	if !r.Config.ShareState || s.Param < 0 {
		return len(s.Data)
	}
	own := r.Optimizer.Share(r.Rank())[s.Param]
	switch size := r.Optimizer.Params()[s.Param].Size(); {
	case s.ByElement():
		return size
	case own[0] == own[1] && len(s.Data) == 0:
		return -1
	}
	return len(s.Data)
}

// readSlot fills a slot, or this rank's share of it.
func (r *Run) readSlot(s *formats.Safetensors, name string, slot optim.Slot) error {
	if n := r.sizeOf(slot); n == len(slot.Data) {
		return s.ReadFloats(name, slot.Data)
	} else if n < 0 {
		return nil
	}
	whole, err := s.Floats(name)
	if err == nil {
		copy(slot.Data, whole[r.Optimizer.Share(r.Rank())[slot.Param][0]:])
	}
	return err
}

// version is that of the state's form.
const version = 2

func (r *Run) checkState(c *checkpoint) error {
	if c.Version != version {
		return fmt.Errorf("state of version %d; this program knows version %d", c.Version, version)
	}
	if c.Epoch < 0 || c.Step < 0 || c.StepInEpoch < 0 || c.StepInEpoch > c.StepsPerEpoch || c.OptimizerSteps < 0 {
		return fmt.Errorf("impossible position: epoch %d, step %d, step %d of %d in the epoch", c.Epoch, c.Step, c.StepInEpoch, c.StepsPerEpoch)
	}
	if c.Epoch > r.Config.Epochs {
		return fmt.Errorf("%d epochs are done, Config.Epochs is %d", c.Epoch, r.Config.Epochs)
	}
	if c.Step != c.History.Steps {
		return fmt.Errorf("%d steps are done, %d in the history", c.Step, c.History.Steps)
	}
	return nil
}
