//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// hub is what a server that JupyterHub starts sees of it: its version, the
// OAuth provider through which a reader enters, who holds a token, and where
// the server reports that it is in use (jupyterhub.readthedocs.io, "REST API"
// and "The Hub as an OAuth provider").
type hub struct {
	user, client, secret string // the server's owner, its name as a client, and its token
	code, token          string // what a reader who has logged in gets
	stranger             string // the token of another user
	active               atomic.Bool
}

const (
	hubPort    = 8081
	hubVersion = "5.5.0" // of docker/hub-requirements.in
)

func (h *hub) prefix() string { return "/user/" + h.user + "/" }

// environ is what JupyterHub's DockerSpawner gives a server, with README.md's
// settings (jupyterhub 5, Spawner.get_env).
func (h *hub) environ() []string {
	api := fmt.Sprintf("http://%s:%d/hub/api", hubName, hubPort)
	access := fmt.Sprintf(`["access:servers!server=%s/", "access:servers!user=%[1]s"]`, h.user)
	return []string{
		"JUPYTERHUB_API_TOKEN=" + h.secret, "JPY_API_TOKEN=" + h.secret, "JUPYTERHUB_CLIENT_ID=" + h.client,
		"JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED=0", "JUPYTERHUB_HOST=", "JUPYTERHUB_OAUTH_CALLBACK_URL=" + h.prefix() + "oauth_callback",
		"JUPYTERHUB_OAUTH_SCOPES=" + access, "JUPYTERHUB_OAUTH_ACCESS_SCOPES=" + access, "JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES=[]",
		"JUPYTERHUB_USER=" + h.user, "JUPYTERHUB_SERVER_NAME=", "JUPYTERHUB_API_URL=" + api,
		"JUPYTERHUB_ACTIVITY_URL=" + api + "/users/" + h.user + "/activity", "JUPYTERHUB_BASE_URL=/",
		"JUPYTERHUB_SERVICE_PREFIX=" + h.prefix(), "JUPYTERHUB_SERVICE_URL=http://0.0.0.0:8888" + h.prefix(),
		"JUPYTERHUB_PUBLIC_URL=", "JUPYTERHUB_PUBLIC_HUB_URL=", "JUPYTERHUB_ROOT_DIR=/home/reader",
		"MEM_LIMIT=2147483648", "CPU_LIMIT=1.0",
	}
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-JupyterHub-Version", hubVersion)
	answer := func(value any) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(value)
	}
	bearer := strings.TrimPrefix(strings.TrimPrefix(r.Header.Get("Authorization"), "token "), "Bearer ")
	switch r.Method + " " + strings.TrimSuffix(r.URL.Path, "/") {
	case "GET /hub/api":
		answer(map[string]string{"version": hubVersion})
	case "POST /hub/api/users/" + h.user + "/activity":
		h.active.Store(bearer == h.secret)
	case "GET /hub/api/oauth2/authorize": // of a browser in which the reader has logged in
		q := r.URL.Query()
		if q.Get("client_id") != h.client || q.Get("redirect_uri") != h.prefix()+"oauth_callback" || q.Get("response_type") != "code" {
			http.Error(w, "invalid_request", http.StatusBadRequest)
			return
		}
		back := url.Values{"code": {h.code}, "state": {q.Get("state")}}
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
	case "POST /hub/api/oauth2/token":
		if r.FormValue("code") != h.code || r.FormValue("client_id") != h.client || r.FormValue("client_secret") != h.secret {
			http.Error(w, `{"error": "invalid_grant"}`, http.StatusBadRequest)
			return
		}
		answer(map[string]any{"access_token": h.token, "token_type": "Bearer", "expires_in": 3600})
	case "GET /hub/api/user":
		who := map[string]string{h.token: h.user, h.stranger: "bob"}[bearer]
		if who == "" {
			http.Error(w, `{"status": 403, "message": "Missing or invalid credentials."}`, http.StatusForbidden)
			return
		}
		answer(map[string]any{"kind": "user", "name": who, "admin": false, "groups": []string{}, "session_id": nil,
			"scopes": []string{"access:servers!server=" + who + "/", "read:users:name!user=" + who}})
	default:
		http.Error(w, `{"status": 404}`, http.StatusNotFound)
	}
}

// enter opens the page as a browser does that has logged in to the hub, and
// returns what it shows in the end.
func (h *hub) enter(ctx context.Context, s *server, path string) (status int, page string, err error) {
	jar, _ := cookiejar.New(nil) // never fails
	client := &http.Client{Jar: jar, Transport: proxy{h, s.http.Transport}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.host+path, nil)
	if err != nil {
		return 0, "", err
	}
	// By this a server tells a page from a program.
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	res, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	return res.StatusCode, string(data), err
}

// jupyterhub starts the target hub as JupyterHub's DockerSpawner does.
func (t *test) jupyterhub(ctx context.Context) error {
	if err := t.builds(ctx, "hub"); err != nil {
		return err
	}
	h := &hub{user: "anna", client: "jupyterhub-user-anna", secret: rand.Text(), code: rand.Text(), token: rand.Text(), stranger: rand.Text()}
	start := time.Now()
	c, err := t.engine.start(ctx, options{target: "hub", args: []string{"jupyterhub-singleuser"}, env: h.environ()})
	if err != nil {
		return err
	}
	defer c.remove()
	listener, err := c.listen(hubPort)
	if err != nil {
		return err
	}
	api := &http.Server{Handler: h}
	go api.Serve(listener)
	defer api.Close()
	s := newServer(c.host(), h.token, c.dial)
	s.base = strings.TrimSuffix(h.prefix(), "/")
	if err := answers(ctx, c, s); err != nil {
		return err
	}
	t.report.took("hub's server", time.Since(start), "until it answers")
	for _, wrong := range []struct{ who, token string }{{"nobody", ""}, {"a wrong token", rand.Text()}, {"another user", h.stranger}} {
		status, _, err := s.do(ctx, http.MethodGet, "/api/contents/work", wrong.token, nil)
		t.check(err == nil && status == http.StatusForbidden, "as JupyterHub starts it, it answers below %s and refuses %s: %d, %v", s.base, wrong.who, status, err)
	}
	status, page, err := h.enter(ctx, s, h.prefix())
	t.check(err == nil && status == http.StatusOK && strings.Contains(page, `"hubUser": "anna"`) && strings.Contains(page, "JupyterLab"),
		"who has logged in to the hub sees JupyterLab: %d, %v", status, err)
	if err := t.trusted(ctx, s); err != nil {
		return err
	}
	if err := t.runsChapter(ctx, s, false); err != nil {
		return err
	}
	t.check(h.active.Load(), "tells the hub that it is in use")
	code, took, err := c.stop(ctx)
	t.check(code == 0 && took < stopLimit, "stopped after %.1f s, exit code %d", took.Seconds(), code)
	if t.failed {
		fmt.Println(c.output())
	}
	return err
}

// proxy is the one that JupyterHub puts before the hub and all servers.
type proxy struct {
	hub    http.Handler
	server http.RoundTripper
}

func (p proxy) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.Path, "/hub/") {
		return p.server.RoundTrip(r)
	}
	w := httptest.NewRecorder()
	p.hub.ServeHTTP(w, r)
	return w.Result(), nil
}
