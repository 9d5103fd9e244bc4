//go:build linux

package main

import (
	"context"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"time"
)

// screenshot takes a picture of JupyterLab with the chapter open.
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
	colours, err := colours(t.picture)
	t.check(err == nil && colours > 100, "the browser shows JupyterLab: a picture with %d colours, %v", colours, err)
	t.report.note("picture", t.picture, "")
	return nil
}

// colours counts those of a picture. A blank page has one, a page of text without
// figures some dozens.
func colours(file string) (int, error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		return 0, err
	}
	seen := map[[3]uint32]bool{}
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
			r, g, b, _ := img.At(x, y).RGBA()
			seen[[3]uint32{r, g, b}] = true
		}
	}
	return len(seen), nil
}
