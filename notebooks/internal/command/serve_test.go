package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestElsewhere(t *testing.T) {
	const address = "http://127.0.0.1:8888/lab/tree/work/a.ipynb?token=t"
	for public, want := range map[string]string{
		"http://127.0.0.1:9000":   "http://127.0.0.1:9000/lab/tree/work/a.ipynb?token=t",
		"https://class.example/":  "https://class.example/lab/tree/work/a.ipynb?token=t",
		"https://class.example/x": "https://class.example/x/lab/tree/work/a.ipynb?token=t",
	} {
		if got := elsewhere(address, public); got != want {
			t.Errorf("behind %s: %s, want %s", public, got, want)
		}
	}
}

func TestGivenToken(t *testing.T) {
	t.Setenv(tokenVar, "")
	if token, err := givenToken(); token != "" || err != nil {
		t.Errorf("no token given, but %q, %v", token, err)
	}
	t.Setenv(tokenVar, "from the environment")
	if token, err := givenToken(); token != "from the environment" || err != nil {
		t.Errorf("%q, %v", token, err)
	}
	file := filepath.Join(t.TempDir(), "secret")
	t.Setenv(tokenFileVar, file)
	if _, err := givenToken(); err == nil || !strings.Contains(err.Error(), tokenFileVar) {
		t.Errorf("a missing file: %v", err)
	}
	os.WriteFile(file, []byte("\n"), 0o600)
	if _, err := givenToken(); err == nil || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("an empty file would leave the server open: %v", err)
	}
	os.WriteFile(file, []byte("from the file\n"), 0o600)
	if token, err := givenToken(); token != "from the file" || err != nil {
		t.Errorf("%q, %v", token, err)
	}
}
