//go:build linux

package main

import (
	"os"
	"strings"
	"testing"
)

// What the test of the dev container does not know it would not test.
func TestReadDevContainer(t *testing.T) {
	data, err := os.ReadFile("../../../.devcontainer/devcontainer.json")
	if err != nil {
		t.Fatal(err)
	}
	d, err := readDevContainer(data)
	if err != nil {
		t.Fatal(err)
	}
	if d.Build.Target != "dev" || d.RemoteUser != "reader" || d.PostCreateCommand == "" || len(d.ContainerEnv) == 0 {
		t.Errorf("read %+v", d)
	}
	if _, err := readDevContainer([]byte(`{"name": "x", "onCreateCommand": "true"}`)); err == nil || !strings.Contains(err.Error(), "onCreateCommand") {
		t.Errorf("an unknown property: %v", err)
	}
}
