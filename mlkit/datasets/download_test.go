package datasets_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"descent/mlkit/datasets"
)

func TestDownload(t *testing.T) {
	defer datasets.Impatient(20 * time.Second)()
	content := bytes.Repeat([]byte("0123456789abcdef"), 20000)
	sum := sha256.Sum256(content)
	// how serves one request; it is the part that a test replaces by serve.
	var calls atomic.Int32
	var how atomic.Pointer[http.HandlerFunc]
	serve := func(h http.HandlerFunc) { how.Store(&h) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		(*how.Load())(w, r)
	}))
	defer server.Close()
	well := func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}
	cut := func(w http.ResponseWriter, r *http.Request) { // half of what was asked for, then the end
		var from int
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
		w.Header().Set("Content-Length", fmt.Sprint(len(content)-from))
		if from > 0 {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
			w.WriteHeader(http.StatusPartialContent)
		}
		w.Write(content[from : from+(len(content)-from)/2])
	}
	fresh := func() (datasets.File, string) {
		dir := t.TempDir()
		t.Setenv("MLKIT_DATA", dir)
		calls.Store(0)
		return datasets.File{Name: "set/file.bin", URL: server.URL, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(content))}, filepath.Join(dir, "set", "file.bin")
	}
	// get downloads and looks at what is there afterwards.
	get := func(f datasets.File, path string) error {
		t.Helper()
		got, err := f.Path(context.Background())
		b, readErr := os.ReadFile(path)
		if err == nil && (got != path || !bytes.Equal(b, content)) {
			t.Errorf("%s: %d bytes, %v", got, len(b), readErr)
		}
		if err != nil && readErr == nil {
			t.Errorf("failed, and left %d bytes under the final name", len(b))
		}
		return err
	}

	t.Run("well", func(t *testing.T) {
		f, path := fresh()
		var last int64
		f.Progress = func(done, total int64) {
			if done <= last || total != f.Size {
				t.Errorf("progress %d of %d after %d", done, total, last)
			}
			last = done
		}
		serve(well)
		if err := get(f, path); err != nil || last != f.Size {
			t.Errorf("%v, %d", err, last)
		}
		if err := get(f, path); err != nil || calls.Load() != 1 {
			t.Errorf("%v, %d calls: the second needs none", err, calls.Load())
		}
		os.WriteFile(path, content[:100], 0o666) // damaged later
		last = 0
		if got, err := f.Path(context.Background()); err != nil || calls.Load() != 2 || got != path {
			t.Errorf("%v, %d calls", err, calls.Load())
		}
	})
	t.Run("cut short, again and again", func(t *testing.T) {
		f, path := fresh()
		n := 0
		serve(func(w http.ResponseWriter, r *http.Request) {
			if n++; n < 4 {
				cut(w, r)
				return
			}
			if r.Header.Get("Range") != fmt.Sprintf("bytes=%d-", len(content)*7/8) {
				t.Errorf("the last part was asked for as %q", r.Header.Get("Range"))
			}
			well(w, r)
		})
		if err := get(f, path); err != nil || calls.Load() != 4 {
			t.Errorf("%v, %d calls", err, calls.Load())
		}
	})
	t.Run("resumed in a later call", func(t *testing.T) {
		f, path := fresh()
		serve(cut)
		if err := get(f, path); err == nil || !strings.Contains(err.Error(), "or set MLKIT_DATA to the folder") {
			t.Errorf("%v", err)
		}
		old := time.Now().Add(-time.Minute)
		os.Chtimes(path+".part", old, old)
		serve(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") == "" {
				t.Error("began at the beginning")
			}
			well(w, r)
		})
		if err := get(f, path); err != nil {
			t.Error(err)
		}
	})
	t.Run("a server without ranges", func(t *testing.T) {
		f, path := fresh()
		n := 0
		serve(func(w http.ResponseWriter, r *http.Request) {
			if n++; n == 1 {
				cut(w, r)
				return
			}
			w.Write(content)
		})
		if err := get(f, path); err != nil {
			t.Error(err)
		}
	})
	t.Run("another process at it", func(t *testing.T) {
		f, path := fresh()
		os.MkdirAll(filepath.Dir(path), 0o777)
		os.WriteFile(path+".part", []byte("theirs"), 0o666)
		serve(well)
		if err := get(f, path); err != nil {
			t.Error(err)
		}
		if b, _ := os.ReadFile(path + ".part"); string(b) != "theirs" {
			t.Errorf("their part is %d bytes", len(b))
		}
	})
	t.Run("stalled", func(t *testing.T) {
		defer datasets.Impatient(100 * time.Millisecond)()
		f, path := fresh()
		n := 0
		serve(func(w http.ResponseWriter, r *http.Request) {
			if n++; n > 1 {
				well(w, r)
				return
			}
			w.Write(content[:1000])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})
		if err := get(f, path); err != nil || calls.Load() != 2 {
			t.Errorf("%v, %d calls", err, calls.Load())
		}
		serve(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		f, path = fresh()
		if err := get(f, path); err == nil || !strings.Contains(err.Error(), "no data arrived for") {
			t.Errorf("%v", err)
		}
	})
	t.Run("redirected", func(t *testing.T) {
		f, path := fresh()
		serve(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/there" {
				http.Redirect(w, r, "/there", http.StatusFound)
				return
			}
			well(w, r)
		})
		if err := get(f, path); err != nil {
			t.Error(err)
		}
		f, path = fresh()
		serve(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/"+r.URL.Path+"x", http.StatusFound)
		})
		if err := get(f, path); err == nil {
			t.Error("redirected for ever")
		}
	})
	t.Run("corrupt", func(t *testing.T) {
		f, path := fresh()
		serve(func(w http.ResponseWriter, r *http.Request) { w.Write(bytes.ToUpper(content)) })
		if err := get(f, path); err == nil || !strings.Contains(err.Error(), "the downloaded file has SHA-256") || !strings.Contains(err.Error(), f.SHA256) {
			t.Errorf("%v", err)
		}
		serve(well) // nothing of the bad bytes stays
		if err := get(f, path); err != nil {
			t.Error(err)
		}
	})
	t.Run("too much", func(t *testing.T) {
		f, path := fresh()
		serve(func(w http.ResponseWriter, r *http.Request) { w.Write(append(bytes.Clone(content), 0)) })
		if err := get(f, path); err == nil || !strings.Contains(err.Error(), "more than the 320000 bytes") || calls.Load() != 1 {
			t.Errorf("%v, %d calls", err, calls.Load())
		}
	})
	t.Run("not there", func(t *testing.T) {
		f, path := fresh()
		serve(func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) })
		if err := get(f, path); err == nil || !strings.Contains(err.Error(), "404") || calls.Load() != 1 {
			t.Errorf("%v, %d calls", err, calls.Load())
		}
		serve(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
		f, path = fresh()
		if err := get(f, path); err == nil || calls.Load() != 4 {
			t.Errorf("%v, %d calls", err, calls.Load())
		}
		f.URL = "http://127.0.0.1:1/"
		if err := get(f, path); err == nil || !strings.Contains(err.Error(), "put the file (SHA-256 "+f.SHA256) {
			t.Errorf("%v", err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		f, _ := fresh()
		ctx, cancel := context.WithCancel(context.Background())
		serve(func(w http.ResponseWriter, r *http.Request) {
			w.Write(content[:1000])
			w.(http.Flusher).Flush()
			cancel()
			<-r.Context().Done()
		})
		if _, err := f.Path(ctx); err == nil || calls.Load() != 1 {
			t.Errorf("%v, %d calls", err, calls.Load())
		}
	})
	t.Run("Fashion-MNIST without a network", func(t *testing.T) {
		fresh()
		defer datasets.FashionFolder(t.TempDir())()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, _, err := datasets.FashionMNIST(ctx); err == nil || !strings.Contains(err.Error(), "fashion-mnist/train-images-idx3-ubyte.gz is not in") {
			t.Errorf("%v", err)
		}
	})
	t.Run("Fashion-MNIST, not to be downloaded", func(t *testing.T) {
		fresh()
		defer datasets.FashionFolder(t.TempDir())()
		_, _, err := datasets.FashionMNIST(datasets.AtHand(context.Background()))
		if !errors.Is(err, datasets.ErrMissing) {
			t.Fatal(err)
		}
		for _, advice := range []string{"dataset-fashion-mnist", "https://", "MLKIT_DATA", "train-images-idx3-ubyte.gz"} {
			if !strings.Contains(err.Error(), advice) {
				t.Errorf("no %s in: %v", advice, err)
			}
		}
	})
	t.Run("not to be downloaded", func(t *testing.T) {
		f, path := fresh()
		serve(well)
		if _, err := f.Path(datasets.AtHand(context.Background())); !errors.Is(err, datasets.ErrMissing) || calls.Load() != 0 {
			t.Errorf("%v, %d calls", err, calls.Load())
		}
		if err := get(f, path); err != nil {
			t.Fatal(err)
		}
		if got, err := f.Path(datasets.AtHand(context.Background())); err != nil || got != path {
			t.Errorf("%s %v", got, err)
		}
	})
}

// packed makes archives of the entries: a name that ends in a slash is a
// folder, a content that begins with -> a link.
func packed(t testing.TB, kind string, entries ...[2]string) string {
	t.Helper()
	var b bytes.Buffer
	if kind == "zip" {
		z := zip.NewWriter(&b)
		for _, e := range entries {
			h := &zip.FileHeader{Name: e[0], Method: zip.Deflate}
			if strings.HasPrefix(e[1], "->") {
				h.SetMode(fs.ModeSymlink | 0o777)
			}
			w, err := z.CreateHeader(h)
			if err != nil {
				t.Fatal(err)
			}
			w.Write([]byte(e[1]))
		}
		z.Close()
	} else {
		z := gzip.NewWriter(&b)
		var to io.Writer = z
		if kind == "tar" {
			to = &b
		}
		w := tar.NewWriter(to)
		for _, e := range entries {
			h := &tar.Header{Name: e[0], Mode: 0o644, Size: int64(len(e[1])), Typeflag: tar.TypeReg}
			if strings.HasSuffix(e[0], "/") {
				h.Typeflag, h.Size = tar.TypeDir, 0
			}
			if target, ok := strings.CutPrefix(e[1], "->"); ok {
				h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, target, 0
			}
			if target, ok := strings.CutPrefix(e[1], "=>"); ok {
				h.Typeflag, h.Linkname, h.Size = tar.TypeLink, target, 0
			}
			if err := w.WriteHeader(h); err != nil {
				t.Fatal(err)
			}
			if h.Size > 0 {
				w.Write([]byte(e[1]))
			}
		}
		w.Close()
		if kind == "tgz" {
			z.Close()
		}
	}
	path := filepath.Join(t.TempDir(), "a."+kind)
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExtract(t *testing.T) {
	for _, kind := range []string{"zip", "tgz"} {
		dir := filepath.Join(t.TempDir(), "out")
		a := packed(t, kind, [2]string{"set/", ""}, [2]string{"set/a.txt", "one"}, [2]string{"set/deep/b.txt", "two"}, [2]string{"./c.txt", ""})
		if err := datasets.Extract(a, dir, 6); err != nil {
			t.Fatal(kind, err)
		}
		for name, want := range map[string]string{"set/a.txt": "one", "set/deep/b.txt": "two", "c.txt": ""} {
			if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != want {
				t.Errorf("%s %s: %q %v", kind, name, b, err)
			}
		}
		if err := datasets.Extract(a, dir, 6); err == nil || !strings.Contains(err.Error(), "already exists") {
			t.Errorf("%v", err)
		}
		if b, err := datasets.Member(a, "set/deep/b.txt", 3); err != nil || string(b) != "two" {
			t.Errorf("%q %v", b, err)
		}
		if _, err := datasets.Member(a, "set/deep/b.txt", 2); err == nil {
			t.Error("larger than its limit")
		}
		if _, err := datasets.Member(a, "none", 2); err == nil || !strings.Contains(err.Error(), `no "none" in it`) {
			t.Errorf("%v", err)
		}

		// Hostile ones leave nothing behind, in no place.
		for why, entries := range map[string][][2]string{
			`"../evil"`:               {{"good", "x"}, {"../evil", "x"}},
			`"/evil"`:                 {{"/evil", "x"}},
			`"a/../../evil"`:          {{"a/../../evil", "x"}},
			`"..\\evil"`:              {{"..\\evil", "x"}},
			"a link or a device":      {{"l", "->/etc"}, {"l/evil", "x"}},
			"more than is allowed":    {{"bomb", strings.Repeat("0", 1<<20)}},
			"unpacks to more than is": {{"1", strings.Repeat("0", 600)}, {"2", strings.Repeat("0", 600)}},
			"file exists":             {{"twice", "x"}, {"twice", "y"}},
			"the name has 4097 bytes": {{strings.Repeat("n", 4097), "x"}},
			"and 1000 folders":        {{strings.Repeat("d/", 1000) + "x", "x"}},
		} {
			parent := t.TempDir()
			err := datasets.Extract(packed(t, kind, entries...), filepath.Join(parent, "out"), 1000)
			if err == nil || !strings.Contains(err.Error(), why) {
				t.Errorf("%s %s: %v", kind, why, err)
			}
			if left, _ := os.ReadDir(parent); len(left) != 0 {
				t.Errorf("%s %s: left %v", kind, why, left)
			}
		}
		whole, _ := os.ReadFile(a)
		os.WriteFile(a, whole[:len(whole)/2], 0o666)
		if err := datasets.Extract(a, filepath.Join(t.TempDir(), "out"), 1000); err == nil {
			t.Errorf("%s: half an archive", kind)
		}
	}
	if err := datasets.Extract(packed(t, "tgz", [2]string{"a", "x"}, [2]string{"b", "=>a"}), filepath.Join(t.TempDir(), "out"), 1000); err == nil || !strings.Contains(err.Error(), "a link or a device") {
		t.Errorf("hard link: %v", err)
	}
}

// What is no archive, or ends between two of its files, is not a folder with
// nothing or less in it.
func TestExtractNotLess(t *testing.T) {
	tgz, err := os.ReadFile(packed(t, "tgz", [2]string{"a", strings.Repeat("x", 512)}, [2]string{"b", "y"}))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(tgz))
	if err != nil {
		t.Fatal(err)
	}
	tar, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for why, b := range map[string][]byte{
		"":                           tar,
		"empty or truncated":         nil,
		"no end mark":                tar[:1024], // behind the first file
		"neither a .tar":             append([]byte("BZh91AY&SY"), make([]byte, 600)...),
		"the archive holds no files": make([]byte, 1024),
	} {
		path := filepath.Join(t.TempDir(), "a.tar")
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		err := datasets.Extract(path, filepath.Join(t.TempDir(), "out"), 1000)
		if (err == nil) != (why == "") || err != nil && !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v", why, err)
		}
	}
}

// A few kilobytes that unpack to a lot before what is wanted comes are an
// error, whichever way the archive is read.
func TestArchiveBombs(t *testing.T) {
	bomb := packed(t, "tgz", [2]string{"zeros", strings.Repeat("0", 20<<20)}, [2]string{"set/a.txt", "one"})
	inner, err := os.ReadFile(bomb)
	if err != nil || len(inner) > 1<<20 {
		t.Fatal(len(inner), err)
	}
	for name, read := range map[string]func() error{
		"Member":      func() error { _, err := datasets.Member(bomb, "set/a.txt", 1000); return err },
		"InnerMember": func() error { _, err := datasets.InnerMember(inner, "set/a.txt", 1000); return err },
		"Under":       func() error { _, err := datasets.Under(bomb, "set/", 1000); return err },
		"Extract":     func() error { return datasets.Extract(bomb, filepath.Join(t.TempDir(), "out"), 1000) },
	} {
		if err := read(); err == nil || !strings.Contains(err.Error(), "unpacks to more than is allowed") {
			t.Errorf("%s: %v", name, err)
		}
	}
	twice := packed(t, "tgz", [2]string{"set/a.txt", "one"}, [2]string{"host/set/a.txt", "two"})
	if _, err := datasets.Under(twice, "set/", 1000); err == nil || !strings.Contains(err.Error(), `"a.txt" is in the archive twice`) {
		t.Error(err)
	}
}

func TestDataNotAtHand(t *testing.T) {
	t.Setenv("MLKIT_DATA", t.TempDir())
	t.Setenv("MLKIT_PYTHON", "no-such-python")
	if _, err := datasets.Iris(); err == nil || !strings.Contains(err.Error(), "in the Python package scikit-learn 1.7.2") || !strings.Contains(err.Error(), "no no-such-python on the PATH") {
		t.Errorf("%v", err)
	}
}
