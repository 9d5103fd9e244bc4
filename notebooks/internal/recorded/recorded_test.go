package recorded

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestFilesAreAsWritten reads each file of figures and writes it again.
func TestFilesAreAsWritten(t *testing.T) {
	files, err := filepath.Glob("references/*/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no files of rows", err)
	}
	again := filepath.Join(t.TempDir(), "again.json")
	same := func(file string) {
		t.Helper()
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(again); err != nil || string(got) != string(want) {
			t.Errorf("%s is not as it would be written (%v)", file, err)
		}
	}
	for _, file := range files {
		Write(again, " ", Read[json.RawMessage](file))
		same(file)
	}
	Write(again, "", Read[json.RawMessage]("privacy/privacy.json"))
	same("privacy/privacy.json")
	for _, file := range []string{"compression/compression.json", "transfer/transfer.json"} {
		var all map[string]json.RawMessage
		read(file, &all)
		os.Remove(again)
		for name, value := range all {
			Put(again, name, value)
		}
		same(file)
	}
}
