//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// server is JupyterLab as it is seen from outside of the container.
type server struct {
	host  string // host:port
	base  string // of the server's paths, "" for /
	token string
	http  *http.Client
}

func newServer(host, token string, dial func(ctx context.Context, network, address string) (net.Conn, error)) *server {
	return &server{host: host, token: token, http: &http.Client{
		Transport:     &http.Transport{DialContext: dial, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// do sends a request and returns the status and the body; a nil value sends
// none.
func (s *server) do(ctx context.Context, method, path, token string, value any) (int, []byte, error) {
	var body io.Reader
	if value != nil {
		data, err := json.Marshal(value)
		if err != nil {
			return 0, nil, err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.host+s.base+path, body)
	if err != nil {
		return 0, nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "token "+token)
	}
	res, err := s.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	return res.StatusCode, data, err
}

// call is do with the token; anything but success is an error.
func (s *server) call(ctx context.Context, method, path string, value, result any) error {
	status, data, err := s.do(ctx, method, path, s.token, value)
	if err != nil {
		return err
	}
	if status/100 != 2 {
		return fmt.Errorf("%s %s: %d %s", method, path, status, data)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(data, result)
}

// notebook is what the checks need of one.
type notebook struct {
	Cells []struct {
		Type   string `json:"cell_type"`
		Source string `json:"source"`
	} `json:"cells"`
}

// contents is a file in Jupyter's contents API.
type contents struct {
	Type    string          `json:"type"`
	Format  string          `json:"format"`
	Content json.RawMessage `json:"content"`
}

func (s *server) read(ctx context.Context, path string) (contents, error) {
	var c contents
	return c, s.call(ctx, http.MethodGet, "/api/contents/"+path, nil, &c)
}

func (s *server) write(ctx context.Context, path string, c contents) error {
	return s.call(ctx, http.MethodPut, "/api/contents/"+path, c, nil)
}

// kernel is a running kernel and the connection to it
// (jupyter-client.readthedocs.io, "Messaging in Jupyter").
type kernel struct {
	conn    *websocket.Conn
	session string
}

type message struct {
	Header struct {
		ID       string `json:"msg_id"`
		Type     string `json:"msg_type"`
		Session  string `json:"session"`
		Username string `json:"username"`
		Version  string `json:"version"`
	} `json:"header"`
	Parent struct {
		ID string `json:"msg_id"`
	} `json:"parent_header"`
	Metadata struct{}        `json:"metadata"`
	Content  json.RawMessage `json:"content"`
	Channel  string          `json:"channel"`
}

// start starts a kernel for the notebook, as opening it does.
func (s *server) start(ctx context.Context, path string) (*kernel, error) {
	var session struct{ Kernel struct{ ID string } }
	err := s.call(ctx, http.MethodPost, "/api/sessions", map[string]any{
		"path": path, "name": path, "type": "notebook", "kernel": map[string]string{"name": "gonb"}}, &session)
	if err != nil {
		return nil, err
	}
	k := &kernel{session: rand.Text()}
	// The first messages can be lost until the kernel listens: ask until it
	// answers, each time more patiently, as where it is emulated an answer
	// takes seconds. A read that was cancelled closes the connection, hence a
	// new one each time.
	for patience := 2 * time.Second; ; patience *= 2 {
		k.conn, _, err = websocket.Dial(ctx, "ws://"+s.host+s.base+"/api/kernels/"+session.Kernel.ID+"/channels?session_id="+k.session,
			&websocket.DialOptions{HTTPClient: s.http, HTTPHeader: http.Header{"Authorization": {"token " + s.token}}})
		if err != nil {
			return nil, err
		}
		k.conn.SetReadLimit(64 << 20)
		short, cancel := context.WithTimeout(ctx, patience)
		err = k.request(short, "kernel_info", struct{}{}, nil)
		cancel()
		if err == nil || ctx.Err() != nil {
			return k, err
		}
	}
}

func (k *kernel) close() { k.conn.CloseNow() }

// send sends a request and returns its id.
func (k *kernel) send(ctx context.Context, kind string, content any) (string, error) {
	var m message
	m.Header.ID, m.Header.Type, m.Header.Session = rand.Text(), kind+"_request", k.session
	m.Header.Username, m.Header.Version, m.Channel = "test", "5.3", "shell"
	var err error
	if m.Content, err = json.Marshal(content); err != nil {
		return "", err
	}
	data, err := json.Marshal(m)
	if err != nil {
		return "", err
	}
	return m.Header.ID, k.conn.Write(ctx, websocket.MessageText, data)
}

// request sends a request and waits for its answer; each, if not nil, gets the
// messages that come before it. It returns when the kernel is idle again.
func (k *kernel) request(ctx context.Context, kind string, content any, each func(message) error) error {
	id, err := k.send(ctx, kind, content)
	if err != nil {
		return err
	}
	idle, replied := false, false
	for !idle || !replied {
		_, data, err := k.conn.Read(ctx)
		if err != nil {
			return fmt.Errorf("waiting for the answer to %s_request: %w", kind, err)
		}
		var m message
		if err := json.Unmarshal(data, &m); err != nil {
			return err
		}
		if m.Parent.ID != id {
			continue
		}
		var status struct {
			State string `json:"execution_state"`
		}
		if m.Header.Type == "status" && json.Unmarshal(m.Content, &status) == nil && status.State == "idle" {
			idle = true
		}
		if m.Header.Type == kind+"_reply" {
			replied = true
		}
		if each != nil {
			if err := each(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// program is the content of a request to execute a cell. The kernel insists on
// all of it.
func program(source string) map[string]any {
	return map[string]any{"code": source, "silent": false, "store_history": true,
		"user_expressions": map[string]string{}, "allow_stdin": false, "stop_on_error": true}
}

// outcome is what a cell showed.
type outcome struct {
	text     string
	pictures int
	errors   []string
}

// execute runs a cell.
func (k *kernel) execute(ctx context.Context, source string) (out outcome, err error) {
	err = k.request(ctx, "execute", program(source),
		func(m message) error {
			switch m.Header.Type {
			case "stream":
				var c struct{ Text string }
				err := json.Unmarshal(m.Content, &c)
				out.text += c.Text
				return err
			case "display_data", "update_display_data", "execute_result":
				var c struct{ Data map[string]any }
				err := json.Unmarshal(m.Content, &c)
				if _, ok := c.Data["image/png"]; ok {
					out.pictures++
				}
				return err
			case "error":
				var c struct {
					Name, Value string
					Traceback   []string
				}
				err := json.Unmarshal(m.Content, &c)
				out.errors = append(out.errors, c.Value+"\n"+strings.Join(c.Traceback, "\n"))
				return err
			}
			return nil
		})
	if err == nil && len(out.errors) > 0 {
		err = fmt.Errorf("the cell failed: %s\n%s", strings.Join(out.errors, "\n"), source)
	}
	return out, err
}

// complete returns what Tab offers at the end of the source.
func (k *kernel) complete(ctx context.Context, source string) (matches []string, err error) {
	err = k.request(ctx, "complete", map[string]any{"code": source, "cursor_pos": len(source)}, func(m message) error {
		var c struct{ Matches []string }
		if m.Header.Type != "complete_reply" {
			return nil
		}
		err := json.Unmarshal(m.Content, &c)
		matches = c.Matches
		return err
	})
	return matches, err
}

// inspect returns what Shift-Tab shows at the end of the source.
func (k *kernel) inspect(ctx context.Context, source string) (text string, err error) {
	err = k.request(ctx, "inspect", map[string]any{"code": source, "cursor_pos": len(source), "detail_level": 0}, func(m message) error {
		var c struct{ Data map[string]string }
		if m.Header.Type != "inspect_reply" {
			return nil
		}
		err := json.Unmarshal(m.Content, &c)
		for _, t := range c.Data {
			text += t
		}
		return err
	})
	return text, err
}
