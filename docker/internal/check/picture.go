//go:build linux

package main

import (
	"context"
	"fmt"
	"image/png"
	"net/http"
	"os"
	"os/exec"
	"time"
)

// screenshot takes a picture of JupyterLab with the chapter open, and asks the
// server whether it was: the page then has started a kernel for it.
func (t *test) screenshot(ctx context.Context, c container, s *server) error {
	dir, err := os.MkdirTemp("", "descent-chromium-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	args := c.beside("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1280,1000",
		"--user-data-dir="+dir, "--virtual-time-budget=30000", "--timeout=120000", "--screenshot="+t.picture,
		"http://"+s.host+"/lab/tree/work/"+chapter+"?token="+s.token)
	if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("chromium: %w\n%s", err, out)
	}
	f, err := os.Open(t.picture)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := png.DecodeConfig(f); err != nil {
		return fmt.Errorf("%s: %w", t.picture, err)
	}
	var sessions []struct{ ID, Path string }
	if err := s.call(ctx, http.MethodGet, "/api/sessions", nil, &sessions); err != nil {
		return err
	}
	t.check(len(sessions) == 1 && sessions[0].Path == "work/"+chapter, "JupyterLab opens %s in a browser: %v", chapter, sessions)
	t.report.note("picture", t.picture, "")
	for _, open := range sessions {
		if err := s.call(ctx, http.MethodDelete, "/api/sessions/"+open.ID, nil, nil); err != nil {
			return err
		}
	}
	return nil
}
