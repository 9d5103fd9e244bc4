package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"descent/notebooks/internal/nb"
	"descent/notebooks/internal/session"
	"descent/notebooks/internal/setup"
)

// A notebook's scripts and HTML are shown as they are only if the notebook is
// trusted, which Jupyter remembers as a signature of its contents. It signs
// what the reader has executed. The book's own outputs, which the reader has
// not, are signed here, and nothing else: a notebook all of whose active
// outputs are known by their hash. A stranger's notebook in the folder, and a
// chapter in which a script was changed, are shown without scripts until the
// reader executes or trusts them.

// outputs.sha256 has the hash of each active output of the book's notebooks.
// After executing a notebook for committing:
//
//	go test ./notebooks/internal/lab -run TestManifest -update
//
//go:embed outputs.sha256
var manifest string

//go:embed sign.py
var signer string

// known returns the hashes of the manifest.
func known(manifest string) map[string]bool {
	hashes := map[string]bool{}
	for line := range strings.Lines(manifest) {
		if fields := strings.Fields(line); len(fields) == 2 && len(fields[0]) == hex.EncodedLen(sha256.Size) {
			hashes[fields[0]] = true
		}
	}
	return hashes
}

// safe reports whether trust in a notebook would show nothing active but what
// is in known or in a cell of executed, which has numbers of cells.
func safe(n *nb.Notebook, known map[string]bool, executed []int) bool {
	for _, c := range n.Cells() {
		digests, err := c.ActiveOutputs()
		if err != nil {
			return false
		}
		if slices.Contains(executed, c.Number) {
			continue
		}
		for _, d := range digests {
			if !known[d] {
				return false
			}
		}
	}
	return true
}

// trustworthy returns the notebooks of the folders that may be signed, with the
// hash of the bytes that were looked at, so that no others are signed.
func trustworthy(folders []string) map[string]string {
	hashes, found := known(manifest), map[string]string{}
	for _, folder := range folders {
		paths, _ := filepath.Glob(filepath.Join(folder, "*.ipynb"))
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				continue // Jupyter cannot show it either
			}
			if n, err := nb.Parse(data); err == nil && safe(n, hashes, nil) {
				found[path] = digest(data)
			}
		}
	}
	return found
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// SignExecuted signs a notebook file whose cells with the numbers executed were
// just executed here, as JupyterLab does when it saves one. If others have
// active outputs that are not the book's it does nothing.
func SignExecuted(ctx context.Context, env *setup.Env, path string, executed []int) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	n, err := nb.Parse(data)
	if err != nil || !safe(n, known(manifest), executed) {
		return err
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	return sign(ctx, env, map[string]string{path: digest(data)})
}

// Sign signs the book's notebooks in the folders, for a server that another
// program than Serve starts.
func Sign(ctx context.Context, env *setup.Env, folders ...string) error {
	if err := forgetOldTrust(filepath.Join(env.Book, "data")); err != nil {
		return err
	}
	return sign(ctx, env, trustworthy(folders))
}

// sign signs the files that have these hashes.
func sign(ctx context.Context, env *setup.Env, files map[string]string) (err error) {
	s, err := session.New()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	script, list, err := signing(s, files)
	if err != nil {
		return err
	}
	cmd, err := s.Command(env.Environ(nil), env.Python, script, list)
	if err != nil {
		return err
	}
	var words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &words, &words
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	var exit error
	go func() { exit = cmd.Wait(); close(done) }()
	select {
	case <-ctx.Done():
		session.Stop(cmd, done, farewell)
		return context.Cause(ctx)
	case <-done:
	}
	if exit != nil {
		return fmt.Errorf("signing notebooks: %w\n%s", exit, words.Bytes())
	}
	return nil
}

// signing writes the script that signs, and the list of what it is to sign.
func signing(s *session.Session, files map[string]string) (script, list string, err error) {
	if script, err = s.Script("sign.py", signer); err != nil {
		return "", "", err
	}
	data, err := json.Marshal(files)
	if err != nil {
		return "", "", err
	}
	list = filepath.Join(s.Dir, "sign.json")
	return script, list, os.WriteFile(list, data, 0o600)
}

// forgetOldTrust drops the signatures of the time when each notebook in the
// folder was signed at each start: without the key that made them they are
// worth nothing.
func forgetOldTrust(data string) error {
	mark := filepath.Join(data, "signed-by-hash")
	if _, err := os.Stat(mark); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, name := range []string{"notebook_secret", "nbsignatures.db"} {
		if err := os.Remove(filepath.Join(data, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	return os.WriteFile(mark, nil, 0o644)
}
