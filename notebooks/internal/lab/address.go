package lab

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"descent/notebooks/internal/session"
)

// server is what Jupyter's file says of a server: only that tells which port it
// found free.
type server struct {
	Host   string `json:"hostname"`
	Port   int
	Base   string `json:"base_url"`
	Secure bool
	Sock   string // a socket in the file system, in place of host and port
}

// find returns the server whose file is in the folder. Jupyter writes the file
// before the server answers.
func find(runtime string) (s server, found bool) {
	files, _ := filepath.Glob(filepath.Join(runtime, "jpserver-*.json"))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err == nil && json.Unmarshal(data, &s) == nil && s.Base != "" {
			return s, true
		}
	}
	return server{}, false
}

// base returns the address of the server as seen from this machine.
func (s server) base() string {
	scheme, host := "http", s.Host
	if s.Secure {
		scheme = "https"
	}
	switch host {
	case "", "*", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(s.Port)) + s.Base
}

// answers returns nil when the server has answered a request.
func (s server) answers(ctx context.Context) error {
	transport := &http.Transport{ // without a proxy: it is this machine
		DisableKeepAlives: true,
		// The certificate is made for the name by which readers know the server.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}
	if s.Sock != "" {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", s.Sock)
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base()+"api", nil) // needs no token
	if err != nil {
		return err
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", s.base(), res.Status)
	}
	return nil
}

// Answers tells whether a server that this user's Serve started answers.
func Answers(ctx context.Context) error {
	failed := errors.New("no server of the book is listening")
	for _, dir := range session.Folders() {
		s, found := find((&session.Session{Dir: dir}).Runtime())
		if !found {
			continue
		}
		if err := s.answers(ctx); err == nil {
			return nil
		} else {
			failed = err
		}
	}
	return failed
}
