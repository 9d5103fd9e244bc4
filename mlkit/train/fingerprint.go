package train

import (
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"math"
	"reflect"
	"strings"

	"descent/mlkit/data"
)

// fingerprint is what must be the same in a resumed training for it to go on as
// it began.
type fingerprint struct {
	Settings []setting
	// Schedule holds the factors of the learning rate at some steps.
	Schedule []factor
	// Batches are checksums of the first batches of the first epoch.
	Batches []string
}

type setting struct{ Name, Value string }

type factor struct {
	Step   int
	Factor number
}

// printed is how many batches have their checksums taken.
const printed = 8

// ChangedError says in what a training differs from the one that wrote the
// checkpoint it should resume from. With Config.AllowChanged it goes on
// nevertheless.
type ChangedError struct {
	Changes []string // "Loader.Seed was 1 and is now 2"
}

func (e *ChangedError) Error() string {
	return strings.Join(e.Changes, "; ") + ": the training would not go on as it began (Config.AllowChanged allows it)"
}

// Fingerprinter is a Source that tells, in any words, which data it yields, and
// in which order: a checkpoint keeps the words, and a resumed training with
// other words is refused. A *data.Loader needs no such method: its settings are
// kept.
type Fingerprinter interface{ Fingerprint() string }

// fingerprint collects the settings. The checksums come as the batches do.
func (f *fitter[B]) fingerprint() fingerprint {
	c := f.Config
	var p fingerprint
	add := func(name string, v any) { p.Settings = append(p.Settings, setting{name, fmt.Sprint(v)}) }
	add("Seed", c.Seed)
	add("steps an epoch", f.StepsPerEpoch)
	add("Accumulate", c.Accumulate)
	add("MicroBatch", c.MicroBatch)
	shards := 0
	if c.Group != nil {
		shards, _ = shardsOf(c) // newTeam refuses what is wrong
	}
	add("Shards", shards)
	if c.Group != nil {
		add("SyncBatchNorm", c.SyncBatchNorm)
	}
	add("SAM", "off")
	if c.SAM != nil {
		p.Settings[len(p.Settings)-1].Value = fmt.Sprintf("rho %v, adaptive %v", c.SAM.Rho, c.SAM.Adaptive)
	}
	if c.Private != nil {
		add("Private", c.Private)
	}
	add("the optimizer", f.Optimizer)
	switch s := any(f.source).(type) {
	case *data.Loader:
		v := reflect.ValueOf(s).Elem()
		for i := range v.NumField() {
			switch name := v.Type().Field(i).Name; {
			case !v.Type().Field(i).IsExported() || name == "Prefetch": // changes nothing
			case name == "Order":
				if s.Order != nil {
					add("Loader.Order", fmt.Sprintf("%d samples with checksum %s", len(s.Order), checksum(s.Order)))
				} else {
					add("Loader.Order", "nil")
				}
			case name == "Weights":
				if s.Weights != nil {
					add("Loader.Weights", fmt.Sprintf("%d with checksum %s", len(s.Weights), checksum(s.Weights)))
				} else {
					add("Loader.Weights", "nil")
				}
			case v.Field(i).CanInt() || v.Field(i).CanUint() || v.Field(i).CanFloat() ||
				v.Field(i).Kind() == reflect.Bool:
				add("Loader."+name, v.Field(i))
			}
		}
		add("the number of samples", s.Dataset.Len())
	case Fingerprinter:
		add("the source", s.Fingerprint())
	}
	if c.Schedule != nil {
		for k, total := 0, c.Epochs*f.StepsPerEpoch; k < total; k = max(k+1, 3*k/2) {
			p.Schedule = append(p.Schedule, factor{k, number(c.Schedule(k))})
		}
	}
	return p
}

// changes compares with the fingerprint of a file.
func (p *fingerprint) changes(file fingerprint) (changes []string) {
	was := map[string]string{}
	for _, s := range file.Settings {
		was[s.Name] = s.Value
	}
	for _, s := range p.Settings {
		if v, ok := was[s.Name]; ok && v != s.Value {
			changes = append(changes, fmt.Sprintf("%s was %s and is now %s", s.Name, v, s.Value))
		}
	}
	if none := len(p.Schedule) == 0; none != (len(file.Schedule) == 0) {
		return append(changes, fmt.Sprintf("a Schedule was %s and is now %s", onOff(none), onOff(!none)))
	}
	then := map[int]number{}
	for _, s := range file.Schedule {
		then[s.Step] = s.Factor
	}
	for _, s := range p.Schedule {
		if v, ok := then[s.Step]; ok && v != s.Factor && !(math.IsNaN(float64(v)) && math.IsNaN(float64(s.Factor))) {
			return append(changes, fmt.Sprintf("the Schedule's factor at step %d was %v and is now %v", s.Step, v, s.Factor))
		}
	}
	return changes
}

func onOff(on bool) string {
	if on {
		return "set"
	}
	return "not set"
}

// unchanged compares the training with the one of a checkpoint, settings first,
// then data, of which it reads the first batches.
func (f *fitter[B]) unchanged(c *checkpoint) error {
	changes := f.print.changes(c.Fingerprint)
	if len(changes) > 0 && !f.Config.AllowChanged {
		return &ChangedError{changes}
	}
	if len(changes) > 0 && c.StepInEpoch > 0 && c.StepsPerEpoch != f.StepsPerEpoch {
		return fmt.Errorf("the checkpoint is in the middle of an epoch, at step %d of %d, which now has %d: go on from one at the end of an epoch", c.StepInEpoch, c.StepsPerEpoch, f.StepsPerEpoch)
	}
	enough := errors.New("enough")
	f.print.Batches = nil
	if len(c.Fingerprint.Batches) > 0 && f.Rank() == 0 {
		err := f.eachPrinted(func(b B) error {
			f.print.Batches = append(f.print.Batches, checksum(b))
			if len(f.print.Batches) == len(c.Fingerprint.Batches) {
				return enough
			}
			return nil
		})
		if err != nil && err != enough {
			return err
		}
	}
	if f.Config.AllowChanged || f.Rank() != 0 {
		return nil
	}
	for i, was := range c.Fingerprint.Batches {
		if i >= len(f.print.Batches) || f.print.Batches[i] != was {
			return &ChangedError{[]string{fmt.Sprintf("the data are others: batch %d of the first epoch does not have the contents it had", i)}}
		}
	}
	return nil
}

// eachPrinted calls do for what checksums are taken of: the batches of the
// first epoch or, with a Group, their first shards, on rank 0.
func (f *fitter[B]) eachPrinted(do func(B) error) error {
	if f.team == nil {
		return eachBatch(f.ctx, f.source, do)
	}
	for parts, err := range f.team.batches(f.ctx, 0, 0, 0, 1) {
		if err == nil {
			err = do(parts[0])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// note takes the checksum of one of the first batches as it passes by, until it
// has enough: data sets are never asked for more than the training needs.
func (f *fitter[B]) note(batch *B) {
	taken := len(f.print.Batches)
	if f.noting = f.Epoch == 0 && taken < printed; f.noting && taken == f.StepInEpoch*f.Config.Accumulate+f.group {
		f.print.Batches = append(f.print.Batches, checksum(*batch))
	}
}

// checksum is a CRC of the numbers and texts in v, through slices, arrays and
// exported fields; working memory in unexported ones does not count, nor what
// is in maps or behind pointers and interfaces.
func checksum(v any) string {
	h := crc32.New(castagnoli)
	crc(h, reflect.ValueOf(v))
	return fmt.Sprintf("%08x", h.Sum32())
}

func crc(h hash.Hash32, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				crc(h, v.Field(i))
			}
		}
	case reflect.Slice, reflect.Array:
		fmt.Fprintf(h, "[%d]", v.Len())
		if v.Kind() == reflect.Slice {
			switch x := v.Interface().(type) {
			case []float32:
				numbers(h, x, func(v float32) uint64 { return uint64(math.Float32bits(v)) })
				return
			case []int32:
				numbers(h, x, func(v int32) uint64 { return uint64(v) })
				return
			case []int:
				numbers(h, x, func(v int) uint64 { return uint64(v) })
				return
			case []uint8:
				h.Write(x)
				return
			}
		}
		for i := range v.Len() {
			crc(h, v.Index(i))
		}
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8,
		reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		fmt.Fprintf(h, "%v;", v)
	}
}

// numbers writes the low 32 bits of each number, in blocks.
func numbers[T any](h hash.Hash32, x []T, bits func(T) uint64) {
	block := make([]byte, 4*min(len(x), 1<<10))
	for len(x) > 0 {
		n := min(len(x), len(block)/4)
		for i, v := range x[:n] {
			b := bits(v)
			block[4*i], block[4*i+1], block[4*i+2], block[4*i+3] = byte(b), byte(b>>8), byte(b>>16), byte(b>>24)
		}
		h.Write(block[:4*n])
		x = x[n:]
	}
}
