package formats_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/formats"
)

// What testdata/torchfiles.py saved is read to the same bits, from either
// format.
func TestTorchFiles(t *testing.T) {
	var want map[string]json.RawMessage
	text, err := os.ReadFile("testdata/torch.json")
	if err == nil {
		err = json.Unmarshal(text, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"state.pt", "legacy.pt"} {
		f, err := formats.OpenTorch(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if len(f.Names()) != len(want)-1 || len(f.Values) != 0 {
			t.Errorf("%s: tensors %v, other values %v", file, f.Names(), f.Values)
		}
		for _, name := range f.Names() {
			var w struct {
				Dims  []int
				DType string
				Data  []json.Number
			}
			if err := json.Unmarshal(want[name], &w); err != nil {
				t.Fatal(err)
			}
			info, _ := f.Info(name)
			if !slices.Equal(info.Dims, w.Dims) {
				t.Errorf("%s: %s has shape %v, want %v", file, name, info.Dims, w.Dims)
			}
			var got []string
			switch {
			case w.DType == "torch.float64":
				v, err := f.Doubles(name)
				noError(t, err)
				for _, x := range v {
					got = append(got, fmt.Sprint(x))
				}
			case info.DType[0] == 'F' || info.DType == "BF16":
				v, err := f.Floats(name)
				noError(t, err)
				for _, x := range v {
					got = append(got, fmt.Sprint(float64(x)))
				}
			default:
				v, err := f.Ints(name)
				noError(t, err)
				for _, x := range v {
					got = append(got, fmt.Sprint(x))
				}
			}
			var expected []string
			for _, x := range w.Data {
				if info.DType[0] == 'F' || info.DType == "BF16" {
					v, _ := x.Float64()
					expected = append(expected, fmt.Sprint(v))
				} else {
					expected = append(expected, x.String())
				}
			}
			if !slices.Equal(got, expected) {
				t.Errorf("%s: %s is %v, want %v", file, name, got, expected)
			}
		}
	}
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// A checkpoint's tensors are called by the path to them, and what else it holds
// is not lost.
func TestTorchCheckpoint(t *testing.T) {
	f, err := formats.OpenTorch("testdata/checkpoint.pt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, name := range []string{"model.0.weight", "model.1.running_mean", "model.1.num_batches_tracked", "optimizer.state.0.exp_avg", "optimizer.state.3.step", "wide", "eight"} {
		if _, ok := f.Info(name); !ok {
			t.Errorf("there is no %s among %v", name, f.Names())
		}
	}
	if v, err := f.Ints("wide"); err != nil || v[0] != 65535 {
		t.Error(v, err)
	}
	if v, err := f.Floats("eight"); err != nil || !slices.Equal(v, []float32{0.5, 2}) {
		t.Error(v, err)
	}
	big80 := new(big.Int).Lsh(big.NewInt(1), 80)
	for name, want := range map[string]any{"epoch": int64(3), "best": 0.25, "done": false, "note": "übung", "nothing": nil, "sizes.1": int64(3), "optimizer.param_groups.0.lr": 0.01} {
		if got, ok := f.Values[name]; !ok || got != want {
			t.Errorf("%s is %v (%v), want %v", name, got, ok, want)
		}
	}
	if v, ok := f.Values["big"].(*big.Int); !ok || v.Cmp(big80) != 0 {
		t.Errorf("big is %v", f.Values["big"])
	}
}

// archive is a file of torch.save with a program and storages of one's own.
func archive(t testing.TB, program string, storages map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	put := func(name string, data []byte) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: "x/" + name, Method: zip.Store})
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put("data.pkl", []byte(program))
	for key, data := range storages {
		put("data/"+key, data)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tensorProgram is the pickle of {"w": a tensor} of a shape and strides on
// storage 0.
func tensorProgram(offset int32, dims, strides []int32) string {
	num := func(v int32) string { return "J" + string(binary.LittleEndian.AppendUint32(nil, uint32(v))) }
	tuple := func(v []int32) string {
		s := "("
		for _, n := range v {
			s += num(n)
		}
		return s + "t"
	}
	storage := "(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu" + num(4) + "tQ"
	return "\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n(" + storage + num(offset) + tuple(dims) + tuple(strides) + "\x89N" + "tRs."
}

// What a weights file has no business to hold is refused, with the name of what
// it is.
func TestTorchRefuses(t *testing.T) {
	four := map[string][]byte{"0": []byte("0123456789abcdef")}
	whole := archive(t, tensorProgram(0, []int32{2, 2}, []int32{2, 1}), four)
	if _, err := formats.NewTorch(bytes.NewReader(whole), int64(len(whole))); err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(whole)
	flipped[bytes.Index(flipped, four["0"])] ^= 1
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	w, _ := z.Create("x/data.pkl")
	w.Write([]byte(tensorProgram(0, nil, nil)))
	z.Close()
	bombs := "\x80\x02]q\x00"
	for i := range 40 {
		bombs += fmt.Sprintf("]q%c(h%ch%ce", i+1, i, i)
	}
	// A tuple of itself twice, 60 times over, as the version of a legacy file
	// and as a value; a dictionary made of the same pairs again and again; a
	// long key that names every value.
	deep := ")" + strings.Repeat("2\x86", 60)
	magic := "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
	pairs := "\x80\x02](" + strings.Repeat("K\x01K\x02\x86", 1000) + "e\x85q\x000" +
		strings.Repeat("ccollections\nOrderedDict\nh\x00R0", 1000) + "N."
	keys := "\x80\x02}X\x00\x00\x10\x00" + strings.Repeat("k", 1<<20) + "](" + strings.Repeat("N", 1000) + "es."
	legacy, err := os.ReadFile("testdata/legacy.pt")
	if err != nil {
		t.Fatal(err)
	}
	for why, b := range map[string][]byte{
		"it asks for posix.system":           archive(t, "\x80\x02cposix\nsystem\nX\x02\x00\x00\x00ls\x85R.", nil),
		"it asks for os.system":              archive(t, "\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02ls\x85R.", nil),
		"it asks for builtins.getattr":       archive(t, "\x80\x02cbuiltins\ngetattr\n.", nil),
		"it asks for torch.load":             archive(t, "\x80\x02ctorch\nload\n.", nil),
		"it asks for torch._utils._rebuild_": archive(t, "\x80\x02ctorch._utils\n_rebuild_sparse_tensor\n.", nil),
		"it asks for numpy.core.multiarray":  archive(t, "\x80\x02cnumpy.core.multiarray\nscalar\n.", nil),
		"over and over":                      archive(t, bombs+".", nil),
		"version 0 (formats.pickleTuple)":    []byte(magic + "\x80\x02" + deep + "."),
		"calls for too much":                 archive(t, pairs, nil),
		"names of its values":                archive(t, keys, nil),
		`two values are called "a.b"`:        archive(t, "\x80\x02}(X\x03\x00\x00\x00a.bNX\x01\x00\x00\x00a}X\x01\x00\x00\x00bNsu.", nil),
		"does not take: the file":            archive(t, tensorProgram(0, make([]int32, 65), make([]int32, 65)), four),
		"operation 0x69":                     archive(t, "\x80\x02i.", nil),
		"protocol 9":                         archive(t, "\x80\x09N.", nil),
		"stack is empty":                     archive(t, "\x80\x020.", nil),
		"a mark is missing":                  archive(t, "\x80\x02t.", nil),
		"pickle is truncated":                archive(t, "\x80\x02", nil),
		"4294967295 bytes are to follow":     archive(t, "\x80\x02X\xff\xff\xff\xff.", nil),
		"a length of":                        archive(t, "\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.", nil),
		"value 7 has not been stored":        archive(t, "\x80\x02h\x07.", nil),
		"no storage":                         archive(t, "\x80\x02K\x01Q.", nil),
		"holds no tensor":                    archive(t, "\x80\x02}.", nil),
		"without data.pkl":                   archive(t, "", nil)[:0],
		"storage 0 is not in the file":       archive(t, tensorProgram(0, []int32{2}, []int32{1}), nil),
		`"w" of shape [5] does not`:          archive(t, tensorProgram(0, []int32{5}, []int32{1}), four),
		`"w" of shape [2] does not`:          archive(t, tensorProgram(3, []int32{2}, []int32{1}), four),
		`"w" of shape [3 2] does not`:        archive(t, tensorProgram(0, []int32{3, 2}, []int32{0, 1}), four),
		`[2147483647 2147483647 2147483647]`: archive(t, tensorProgram(0, []int32{1<<31 - 1, 1<<31 - 1, 1<<31 - 1}, []int32{0, 0, 0}), four),
		"arguments that it does not take":    archive(t, tensorProgram(-1, []int32{1}, []int32{1}), four),
		"checksum of x/data/0 is wrong":      flipped,
		"is compressed":                      packed.Bytes(),
		"is truncated or damaged":            whole[:len(whole)-30],
		"neither a zip archive nor a pickle": []byte("{\"json\": 1}"),
		"not one of torch.save":              []byte("\x80\x02}."),
		"8 bytes follow":                     append(slices.Clone(legacy), make([]byte, 8)...),
		"more than the rest of the file":     legacy[:len(legacy)-4],
	} {
		if why == "without data.pkl" {
			var empty bytes.Buffer
			z := zip.NewWriter(&empty)
			z.CreateHeader(&zip.FileHeader{Name: "x/version", Method: zip.Store})
			z.Close()
			b = empty.Bytes()
		}
		if _, err := formats.NewTorch(bytes.NewReader(b), int64(len(b))); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("got %v, want an error with %q", err, why)
		}
	}
}

func FuzzTorch(f *testing.F) { fuzz(f, checkTorch) }

func checkTorch(t testing.TB, dir string, b []byte) {
	path := stored(t, dir, "x.pt", b)
	s, err := formats.OpenTorch(path)
	if err != nil {
		named(t, err, path)
		return
	}
	defer s.Close()
	for _, name := range s.Names() {
		if a, err := s.Read(name); err == nil {
			whole(t, a)
		}
	}
}
