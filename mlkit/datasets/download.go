package datasets

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Dir returns the folder for downloaded data: the value of the environment
// variable MLKIT_DATA or, if that is not set, mlkit/data in the user's cache
// directory.
func Dir() (string, error) {
	if dir := os.Getenv("MLKIT_DATA"); dir != "" {
		return dir, nil
	}
	user, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("datasets: no cache directory: %w; set MLKIT_DATA to a folder", err)
	}
	return filepath.Join(user, "mlkit", "data"), nil
}

type atHand struct{}

// AtHand returns a context with which nothing is downloaded: if the data are
// not on the disk, the error wraps [ErrMissing] and says how to get them.
func AtHand(ctx context.Context) context.Context {
	return context.WithValue(ctx, atHand{}, true)
}

// A File is a file on the network whose content is pinned by a checksum.
type File struct {
	// Name is its path in Dir, with slashes.
	Name   string
	URL    string
	SHA256 string // in hexadecimal
	Size   int64  // in bytes
	// Progress, if not nil, is called as bytes arrive.
	Progress func(done, total int64)
}

// Timing of downloads; tests shorten it.
var (
	stallAfter = 30 * time.Second // without a byte, the connection is given up
	retryAfter = time.Second
	attempts   = 4
)

// Path returns the location of the file on the disk and downloads it first if
// necessary. An interrupted download resumes where it stopped, in a later call
// as well. The file gets its name only when it is complete and its checksum is
// right; a file of that name with another checksum is replaced.
func (f File) Path(ctx context.Context) (string, error) {
	dir, err := Dir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, filepath.FromSlash(f.Name))
	sum, err := fileSum(path)
	if err == nil && sum == f.SHA256 {
		return path, nil
	}
	if ctx.Value(atHand{}) != nil {
		return "", fmt.Errorf("datasets: %w: put the file %s (SHA-256 %s) there as %s, or set MLKIT_DATA to the folder that holds %s", ErrMissing, f.URL, f.SHA256, path, f.Name)
	}
	if err := f.download(ctx, path); err != nil {
		return "", fmt.Errorf("datasets: %s is not in %s and could not be downloaded from %s: %w; try again with a network, or put the file (SHA-256 %s) there yourself, or set MLKIT_DATA to the folder that holds %s",
			f.Name, dir, f.URL, err, f.SHA256, f.Name)
	}
	return path, nil
}

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (f File) download(ctx context.Context, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	part := path + ".part"
	if info, err := os.Stat(part); err == nil && time.Since(info.ModTime()) < 2*time.Second {
		// Another process is at it: stay out of its way.
		private, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.part")
		if err != nil {
			return err
		}
		private.Close()
		part = private.Name()
		defer os.Remove(part)
	}
	var err error
	for try := range attempts {
		if try > 0 {
			select {
			case <-time.After(retryAfter << (try - 1)):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		var final bool
		if final, err = f.fetch(ctx, part); err == nil || final || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return err
	}
	sum, err := fileSum(part)
	if err != nil {
		return err
	}
	if sum != f.SHA256 {
		os.Remove(part) // to go on from it could never help
		return fmt.Errorf("the downloaded file has SHA-256 %s", sum)
	}
	return os.Rename(part, path)
}

// fetch appends to part what it lacks. final says that trying again is no use.
func (f File) fetch(ctx context.Context, part string) (final bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return true, err
	}
	defer out.Close()
	have, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return true, err
	}
	if have > f.Size {
		if err := out.Truncate(0); err != nil {
			return true, err
		}
		have = 0
	}
	if have == f.Size {
		return true, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL, nil)
	if err != nil {
		return true, err
	}
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	stall := time.AfterFunc(stallAfter, func() { cancel(fmt.Errorf("no data arrived for %v", stallAfter)) })
	defer stall.Stop()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false, because(ctx, err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusPartialContent:
	case http.StatusOK: // the server begins at the beginning
		if err := out.Truncate(0); err != nil {
			return true, err
		}
		have = 0
	case http.StatusRequestedRangeNotSatisfiable:
		return false, errors.Join(errors.New(resp.Status), out.Truncate(0))
	default:
		return resp.StatusCode < 500 && resp.StatusCode != http.StatusTooManyRequests, errors.New(resp.Status)
	}
	buf := make([]byte, 1<<16)
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			stall.Reset(stallAfter)
			if have+int64(n) > f.Size {
				return true, errors.Join(fmt.Errorf("more than the %d bytes that were expected", f.Size), out.Truncate(0))
			}
			if _, err := out.Write(buf[:n]); err != nil {
				return true, err
			}
			if have += int64(n); f.Progress != nil {
				f.Progress(have, f.Size)
			}
		}
		if err == io.EOF && have < f.Size {
			err = fmt.Errorf("the connection ended after %d of %d bytes", have, f.Size)
		}
		if err == io.EOF {
			return true, out.Sync()
		}
		if err != nil {
			return false, because(ctx, err)
		}
	}
}

// because names the stall where that is what ended the request.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
