//go:build unix

package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"descent/notebooks/internal/setup"
)

// fakeVar makes the test program a server in place of Python.
const fakeVar = "DESCENT_TEST_FAKE"

func TestMain(m *testing.M) {
	switch how := os.Getenv(fakeVar); how {
	case "":
		os.Exit(m.Run())
	case "fails":
		fmt.Fprintln(os.Stderr, "there is no such extension")
		os.Exit(3)
	default:
		fake(how)
	}
}

// fake does slowly what Jupyter does quickly: it writes its file, then listens,
// and then answers.
func fake(sign string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	address := l.Addr().(*net.TCPAddr)
	l.Close() // from here on it refuses
	file, _ := json.Marshal(map[string]any{"hostname": "127.0.0.1", "port": address.Port, "base_url": "/book/"})
	if err := os.WriteFile(filepath.Join(os.Getenv("JUPYTER_RUNTIME_DIR"), "jpserver-1.json"), file, 0o600); err != nil {
		panic(err)
	}
	time.Sleep(200 * time.Millisecond)
	if l, err = net.Listen("tcp", address.String()); err != nil {
		panic(err)
	}
	requests := 0
	http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests++; requests < 3 || r.URL.Path != "/book/api" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		os.WriteFile(sign, nil, 0o600)
	}))
}

func environment(t *testing.T, how string) *setup.Env {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(fakeVar, how)
	t.Setenv("TMPDIR", t.TempDir())
	return &setup.Env{Python: self, Book: t.TempDir()}
}

// The address is announced when the server has answered, not when its file is
// there or its port is bound.
func TestReady(t *testing.T) {
	sign := filepath.Join(t.TempDir(), "answered")
	env := environment(t, sign)
	ctx, cancel := context.WithCancel(t.Context())
	err := Serve(ctx, env, Options{Open: "a b.ipynb", Token: "t", Ready: func(address string) {
		if _, err := os.Stat(sign); err != nil {
			t.Error("announced before it has answered")
		}
		if !strings.HasPrefix(address, "http://127.0.0.1:") || !strings.HasSuffix(address, "/book/lab/tree/a%20b.ipynb?token=t") {
			t.Errorf("announced as %s", address)
		}
		if err := Answers(ctx); err != nil {
			t.Errorf("not healthy: %v", err)
		}
		cancel()
	}})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := Answers(t.Context()); err == nil {
		t.Error("healthy when it is closed")
	}
}

func TestDoesNotStart(t *testing.T) {
	env := environment(t, "fails")
	err := Serve(t.Context(), env, Options{Ready: func(string) { t.Error("announced") }})
	if err == nil || !strings.Contains(err.Error(), "there is no such extension") {
		t.Errorf("%v; want what it said", err)
	}
}

func TestBase(t *testing.T) {
	for want, s := range map[string]server{
		"http://127.0.0.1:8888/":      {Host: "0.0.0.0", Port: 8888, Base: "/"},
		"http://127.0.0.1:8889/":      {Host: "*", Port: 8889, Base: "/"},
		"http://[::1]:8888/":          {Host: "::", Port: 8888, Base: "/"},
		"http://localhost:1/":         {Host: "localhost", Port: 1, Base: "/"},
		"https://192.168.1.5:443/me/": {Host: "192.168.1.5", Port: 443, Base: "/me/", Secure: true},
	} {
		if got := s.base(); got != want {
			t.Errorf("%+v: %s, want %s", s, got, want)
		}
	}
}
