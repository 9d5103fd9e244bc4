package datasets_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/datasets"
)

func TestJapaneseVowels(t *testing.T) {
	if testing.Short() {
		t.Skip("may download")
	}
	train, test, err := datasets.JapaneseVowels()
	if err != nil {
		t.Skip(err)
	}
	counts := func(s *data.Sequences) (n [9]int, shortest, longest int, sum float64) {
		shortest = 99
		for i, l := range s.Labels {
			n[l]++
			shortest, longest = min(shortest, s.Length(i)), max(longest, s.Length(i))
			for _, v := range s.X[i] {
				sum += float64(v)
			}
		}
		return
	}
	// The counts are those of the set's description at UCI.
	if n, shortest, longest, _ := counts(train); n != [9]int{30, 30, 30, 30, 30, 30, 30, 30, 30} || shortest != 7 || longest != 26 {
		t.Errorf("train: %v, lengths %d to %d", n, shortest, longest)
	}
	if n, shortest, longest, _ := counts(test); n != [9]int{31, 35, 88, 44, 29, 24, 40, 50, 29} || shortest != 7 || longest != 29 {
		t.Errorf("test: %v, lengths %d to %d", n, shortest, longest)
	}
	// The first line of the file begins 1.860936,1.891651,… and its second
	// dimension −0.207383.
	if x := train.X[0]; x[0] != 1.860936 || x[1] != -0.207383 || x[12] != 1.891651 {
		t.Errorf("%v", x[:13])
	}
}

const smallTS = "# a\n@problemName x\n@timeStamps false\n@missing false\n@classLabel true a b\n@data\n1,2,3:4,5,6:b\n7:8:a\n"

func TestReadTS(t *testing.T) {
	s, err := datasets.ReadTS(strings.NewReader(smallTS))
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 2 || s.Width != 2 || s.Length(0) != 3 || s.X[0][1] != 4 || s.X[0][4] != 3 || s.Labels[0] != 1 || s.Labels[1] != 0 {
		t.Errorf("%+v", s)
	}
	head := "@classLabel true a b\n@data\n"
	for text, want := range map[string]string{
		"":                                 "no series",
		head:                               "no series",
		"1,2:a\n":                          "before @data",
		"@data\n1:a\n":                     "no classes",
		"@missing true\n":                  "@missing",
		"@timeStamps true\n":               "@timeStamps",
		"@classLabel true a a\n":           "twice",
		head + "1,2:3:a\n":                 "dimension 1 has 1 values",
		head + "1:2:a\n1:a\n":              "1 dimensions, want 2",
		head + "a\n":                       "0 dimensions",
		head + "1,?:a\n":                   "not a number",
		head + "1,NaN:a\n":                 "not a number",
		head + "1e99:a\n":                  "not a number",
		head + "1:c\n":                     "unknown class",
		head + strings.Repeat("1,", 1<<22): "too long",
		head + strings.Repeat("1,", 1<<20) + "1" + strings.Repeat(":", 1<<20) + "a\n": "do not fit", // 4 TB
	} {
		if _, err := datasets.ReadTS(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", text, err, want)
		}
	}
}

func TestSpokenDigits(t *testing.T) {
	train, test, err := datasets.SpokenDigits()
	if errors.Is(err, datasets.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(train) != 2700 || len(test) != 300 {
		t.Fatalf("%d and %d recordings", len(train), len(test))
	}
	for i, d := range test {
		if int(d.Digit) != i/30 || d.Take != i%5 || len(d.Samples) == 0 {
			t.Fatalf("recording %d: %d by %s, take %d, %d samples", i, d.Digit, d.Speaker, d.Take, len(d.Samples))
		}
	}
}

func TestSpokenDigitsMissingOrWrong(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("MLKIT_DATA", dir)
	if _, _, err := datasets.SpokenDigits(); !errors.Is(err, datasets.ErrMissing) || !strings.Contains(err.Error(), "https://") || !strings.Contains(err.Error(), "MLKIT_DATA") {
		t.Error(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Name: "top/recordings/0_x_0.wav", Size: 3, Mode: 0o644})
	w.Write([]byte("RIF"))
	w.Close()
	if err := os.WriteFile(filepath.Join(dir, "fsdd-recordings.tar.gz"), b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, _, err := datasets.SpokenDigits(); err == nil || !strings.Contains(err.Error(), "checksum") || !strings.Contains(err.Error(), "download them again with\n\tcurl -fL") {
		t.Error(err)
	}
	for _, name := range []string{"x.wav", "10_x_0.wav", "-1_x_0.wav", "1_x_y.wav", "1_x_2.wav"} {
		if _, err := datasets.SpokenDigitOf(name, []byte("RIF")); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestSileroVAD(t *testing.T) {
	if testing.Short() {
		t.Skip("may download")
	}
	s, err := datasets.SileroVAD()
	if err != nil {
		t.Skip(err)
	}
	n := 0
	for _, name := range s.Names() {
		x, err := s.Floats(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range x {
			if math.IsNaN(float64(v)) {
				t.Fatal(name)
			}
		}
		n += len(x)
	}
	if n != 309633 || len(s.Names()) != 15 {
		t.Errorf("%d numbers in %d tensors", n, len(s.Names()))
	}
}
