package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

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

// address returns where the server is as seen from this machine.
func (s server) address() string {
	host := s.Host
	switch host {
	case "", "*", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	return net.JoinHostPort(host, strconv.Itoa(s.Port))
}

// base returns the address of the server's first page.
func (s server) base() string {
	scheme := "http"
	if s.Secure {
		scheme = "https"
	}
	return scheme + "://" + s.address() + s.Base
}

// answers returns nil when the server has answered a request. One request does
// not pay for net/http and crypto/tls, which a new machine would have to
// compile before anything else.
func (s server) answers(ctx context.Context) error {
	network, address := "unix", s.Sock
	if s.Sock == "" {
		network, address = "tcp", s.address()
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	// This resource needs no token.
	if _, err := fmt.Fprintf(conn, "GET %sapi HTTP/1.0\r\nHost: %s\r\n\r\n", s.Base, s.address()); err != nil {
		return err
	}
	status, err := bufio.NewReader(conn).ReadString('\n')
	if s.Secure && ctx.Err() == nil {
		// It refuses what is no TLS, which shows as well that it is at work.
		return nil
	}
	if err != nil {
		return err
	}
	if fields := strings.Fields(status); len(fields) < 2 || fields[1] != "200" {
		return fmt.Errorf("%s: %s", s.base(), strings.TrimSpace(status))
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
