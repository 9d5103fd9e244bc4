package train

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"reflect"
	"sort"

	"descent/mlkit/formats"
	"descent/mlkit/nn"
)

const (
	historyKey   = "mlkit.history"
	stepLossName = statePrefix + "step_loss"
)

// Cached trains a model once: fit is called when no earlier call with the same
// key and model has finished, else its weights are read from a file into model
// and its History is returned. Notebooks carry trained models from cell to cell
// with it:
//
//	model := newModel()
//	history, err := train.Cached(config, model, func() (train.History, error) {
//		return train.Fit(ctx, train.Supervised(model, nn.CrossEntropy), loader, config.train())
//	})
//
// key is the configuration, any value of numbers, texts, slices, maps and
// structs (unexported fields count too; functions are refused): whatever the
// result depends on belongs in it, the data set and its size too. The
// parameters' names, shapes and initial values are part of the key by
// themselves, so a model must be made from a fixed seed. A change in the
// code of fit is not seen: put a version number into the key.
//
// The files are in the folder of the environment variable MLKIT_CACHE, or else
// in mlkit/models in the user's cache directory; deleting them is safe. When
// fit fails, nothing is kept. In place of a damaged file the model is trained
// again.
func Cached(key any, model any, fit func() (History, error)) (History, error) {
	path, err := cachePath(key, model)
	if err != nil {
		return History{}, err
	}
	if h, err := loadCached(path, model); err == nil {
		return h, nil
	}
	if err := formats.CheckWritable(path); err != nil { // before the work, not after it
		return History{}, fmt.Errorf("train: cache: %w", err)
	}
	h, err := fit()
	if err != nil {
		return h, err
	}
	text, err := json.Marshal(h.withoutSteps())
	if err != nil {
		return h, fmt.Errorf("train: cache: %w", err)
	}
	arrays := append(weights(nn.State(model)), h.stepArray()...)
	if err := writeSealed(path, arrays, map[string]string{historyKey: string(text)}); err != nil {
		return h, fmt.Errorf("train: cache: %w", err)
	}
	return h, nil
}

func loadCached(path string, model any) (h History, err error) {
	s, err := openSealed(path)
	if err != nil {
		return h, err
	}
	defer s.Close()
	if err := json.Unmarshal([]byte(s.Metadata[historyKey]), &h); err != nil {
		return h, err
	}
	if err := h.readSteps(s); err != nil {
		return h, err
	}
	return h, LoadTensors(s, model, LoadOptions{})
}

// The losses of the steps are many: they go into a file as an array.
func (h History) withoutSteps() History {
	h.StepLoss = nil
	return h
}

func (h History) stepArray() []formats.Array {
	if h.StepLoss == nil {
		return nil
	}
	return []formats.Array{{Name: stepLossName, Dims: []int{len(h.StepLoss)}, Data: h.StepLoss}}
}

func (h *History) readSteps(s *formats.Safetensors) (err error) {
	if info, ok := s.Info(stepLossName); ok {
		if len(info.Dims) != 1 || info.Dims[0] != h.Steps || h.Steps > 1<<28 {
			return fmt.Errorf("losses of %v steps for a history of %d", info.Dims, h.Steps)
		}
		h.StepLoss, err = s.Doubles(stepLossName)
	}
	return err
}

func cachePath(key, model any) (string, error) {
	dir := os.Getenv("MLKIT_CACHE")
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("train: no cache directory: %w; set MLKIT_CACHE to a folder", err)
		}
		dir = filepath.Join(user, "mlkit", "models")
	}
	h := sha256.New()
	fmt.Fprintln(h, "mlkit cache 1")
	if err := digest(h, reflect.ValueOf(key), "key", 0); err != nil {
		return "", err
	}
	for _, n := range nn.State(model) {
		fmt.Fprintln(h, n.Name, dims(n))
		_ = binary.Write(h, binary.LittleEndian, values(n)) // a hash takes all
	}
	return filepath.Join(dir, hex.EncodeToString(h.Sum(nil)[:16])+".safetensors"), nil
}

// digest writes a value, with its types, in a form that is the same whenever
// the value is: maps sorted, pointers followed.
func digest(h hash.Hash, v reflect.Value, path string, depth int) error {
	if depth > 100 {
		return fmt.Errorf("train: cache: %s is nested too deep, or in a circle, to be a key", path)
	}
	if !v.IsValid() {
		_, err := fmt.Fprint(h, "nil;")
		return err
	}
	fmt.Fprint(h, v.Type(), " ")
	switch v.Kind() {
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		if !v.IsZero() {
			return fmt.Errorf("train: cache: %s is a %s, whose value cannot be a key: use a name or a number instead", path, v.Type())
		}
		fmt.Fprint(h, "nil;")
	case reflect.Pointer, reflect.Interface:
		return digest(h, v.Elem(), path, depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			fmt.Fprint(h, name, ":")
			if err := digest(h, v.Field(i), path+"."+name, depth+1); err != nil {
				return err
			}
		}
	case reflect.Slice, reflect.Array:
		fmt.Fprint(h, v.Len(), "[")
		for i := range v.Len() {
			if err := digest(h, v.Index(i), fmt.Sprintf("%s[%d]", path, i), depth+1); err != nil {
				return err
			}
		}
	case reflect.Map:
		keys := v.MapKeys()
		sort.Slice(keys, func(i, j int) bool { return fmt.Sprintf("%#v", keys[i]) < fmt.Sprintf("%#v", keys[j]) })
		fmt.Fprint(h, v.Len(), "{")
		for _, k := range keys {
			if err := digest(h, k, path, depth+1); err != nil {
				return err
			}
			if err := digest(h, v.MapIndex(k), fmt.Sprintf("%s[%v]", path, k), depth+1); err != nil {
				return err
			}
		}
	default:
		fmt.Fprintf(h, "%#v;", v)
	}
	return nil
}
