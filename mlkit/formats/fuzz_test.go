package formats_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"descent/mlkit/formats"
	"descent/mlkit/internal/fuzztest"
)

// The corpus of each target, testdata/fuzz, was written by testdata/seeds.py.
// TestMutations goes on from there to a few thousand damaged files, the same at
// every run; go test -fuzz=NAME goes on without end.
func FuzzReadIDX(f *testing.F)     { fuzz(f, checkIDX) }
func FuzzReadNPY(f *testing.F)     { fuzz(f, checkNPY) }
func FuzzLoadNPZ(f *testing.F)     { fuzz(f, checkNPZ) }
func FuzzSafetensors(f *testing.F) { fuzz(f, checkSafetensors) }
func FuzzImageFile(f *testing.F)   { fuzz(f, checkImage) }
func FuzzParseVOC(f *testing.F)    { fuzz(f, checkVOC) }

// A check reads an input, which it may put into a folder.
type check func(t testing.TB, dir string, b []byte)

func fuzz(f *testing.F, c check) {
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) { c(t, dir, b) })
}

func TestMutations(t *testing.T) {
	defer formats.FewPixels(1 << 14)()
	n := 3000
	if testing.Short() {
		n = 500
	}
	for target, c := range map[string]struct {
		bound fuzztest.Bound
		check check
	}{
		// Where something is compressed, a byte of it can become 1032.
		"FuzzReadIDX": {fuzztest.Bound{Fixed: 1 << 18, PerByte: 8 * 1032}, checkIDX},
		"FuzzReadNPY": {fuzztest.Bound{Fixed: 1 << 19, PerByte: 64}, checkNPY},
		"FuzzLoadNPZ": {fuzztest.Bound{Fixed: 1 << 20, PerByte: 8 * 1032}, checkNPZ},
		"FuzzTorch":   {fuzztest.Bound{Fixed: 1 << 19, PerByte: 256}, checkTorch},
		// A number of four bits becomes one of 32.
		"FuzzGGUF":        {fuzztest.Bound{Fixed: 1 << 19, PerByte: 256}, checkGGUF},
		"FuzzSafetensors": {fuzztest.Bound{Fixed: 1 << 18, PerByte: 256}, checkSafetensors},
		// The reader of TIFF takes two buffers of 10 MB.
		"FuzzImageFile": {fuzztest.Bound{Fixed: 24 << 20, PerByte: 32 * 1024}, checkImage},
		"FuzzParseVOC":  {fuzztest.Bound{Fixed: 1 << 20, PerByte: 512}, checkVOC},
	} {
		t.Run(target, func(t *testing.T) {
			dir := t.TempDir()
			fuzztest.Run(t, fuzztest.Corpus(t, target), n, c.bound, func(t testing.TB, b []byte) { c.check(t, dir, b) })
		})
	}
}

// stored writes an input to a file.
func stored(t testing.TB, dir, name string, b []byte) (path string) {
	t.Helper()
	path = filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	// Not cut to nothing before it is written again: some file systems then
	// wait for the disk.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o666)
	if err == nil {
		_, err = f.Write(b)
		err = errors.Join(err, f.Truncate(int64(len(b))), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func checkIDX(t testing.TB, dir string, b []byte) {
	path := stored(t, dir, "x.idx", b)
	a, err := formats.LoadIDXArray(path)
	if err != nil {
		named(t, err, path)
		return
	}
	whole(t, a)
}

func checkNPY(t testing.TB, dir string, b []byte) {
	path := stored(t, dir, "x.npy", b)
	if _, err := formats.LoadNPY(path); err != nil {
		named(t, err, path)
	}
	r := bytes.NewReader(b)
	for {
		before := r.Len()
		a, err := formats.ReadNPY(r)
		if err != nil {
			return
		}
		n := whole(t, a)
		if read := before - r.Len(); n > 4*read {
			t.Errorf("%v: %d elements of %d bytes", a.Dims, n, read)
		}
	}
}

// whole checks that an array has as many elements as its dimensions say.
func whole(t testing.TB, a formats.Array) int {
	n := 1
	for _, d := range a.Dims {
		n *= d
	}
	if a.Len() != n {
		t.Errorf("%q: %v has %d elements", a.Name, a.Dims, a.Len())
	}
	return n
}

func checkNPZ(t testing.TB, dir string, b []byte) {
	path := stored(t, dir, "x.npz", b)
	arrays, err := formats.LoadNPZ(path)
	if err != nil {
		if named(t, err, path); arrays != nil {
			t.Errorf("%v and %d arrays", err, len(arrays))
		}
	}
	names := map[string]bool{}
	for _, a := range arrays {
		if whole(t, a); names[a.Name] {
			t.Errorf("%q twice", a.Name)
		}
		names[a.Name] = true
	}
}

func checkSafetensors(t testing.TB, dir string, b []byte) {
	path := stored(t, dir, "x.safetensors", b)
	s, err := formats.OpenSafetensors(path)
	if err != nil {
		named(t, err, path)
		return
	}
	defer s.Close()
	for _, name := range s.Names() {
		a, err := s.Read(name)
		if err == nil {
			whole(t, a)
		}
		x, ferr := s.Floats(name)
		i, ierr := s.Ints(name)
		if ferr == nil && ierr == nil && len(x)+len(i) > 0 {
			t.Errorf("%q has both floats and integers", name)
		}
	}
}

func checkImage(t testing.TB, dir string, b []byte) {
	path := stored(t, dir, "class/x.png", b)
	m, err := formats.LoadImageFolder(filepath.Dir(filepath.Dir(path)), formats.ImageOptions{Height: 3, Width: 3})
	if err != nil {
		named(t, err, path)
	} else if len(m.Pixels) != 27 {
		t.Errorf("%d bytes", len(m.Pixels))
	}
}

func checkVOC(t testing.TB, _ string, b []byte) {
	a, err := formats.ParseVOC(b)
	if err != nil {
		return
	}
	for _, o := range a.Objects {
		if b := o.Box; !(b.Area() > 0) || b.X0 < 0 || b.Y0 < 0 || b.X1 > float32(a.Width) || b.Y1 > float32(a.Height) || o.Name == "" {
			t.Errorf("%+v in %d×%d", o, a.Height, a.Width)
		}
	}
}

// named checks that an error says which file it is about.
func named(t testing.TB, err error, path string) {
	t.Helper()
	if !strings.Contains(err.Error(), path) {
		t.Errorf("%v does not name %s", err, path)
	}
}
