//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What docker-bake.hcl comes to, as buildx itself evaluates it. That needs no
// engine.
func TestBake(t *testing.T) {
	buildx := findBuildx(t)
	dockerfile, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	type target struct {
		Context, Dockerfile, Target string
		Tags, Platforms             []string
		Labels, Args                map[string]string
		Attest                      []any
	}
	bake := func(env ...string) map[string]target {
		t.Helper()
		cmd := exec.Command(buildx[0], append(buildx[1:], "bake", "--file", "docker/docker-bake.hcl", "--print", "book", "release", "hub")...)
		cmd.Dir = "../../.."
		cmd.Env = append(os.Environ(), "TAG=descent", "VERSION=", "REVISION=", "SOURCE=", "GO_IMAGE=", "DEBIAN_IMAGE=", "BUILDX_CONFIG="+t.TempDir())
		cmd.Env = append(cmd.Env, env...)
		out, err := cmd.Output()
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			t.Fatalf("%v: %s", err, exit.Stderr)
		} else if err != nil {
			t.Fatal(err)
		}
		var file struct{ Target map[string]target }
		if err := json.Unmarshal(out, &file); err != nil {
			t.Fatal(err)
		}
		for name, target := range file.Target {
			if target.Context != "." || target.Dockerfile != "docker/Dockerfile" ||
				!regexp.MustCompile(`(?m)^FROM .* AS `+target.Target+`$`).Match(dockerfile) {
				t.Errorf("%s builds the target %q of %s in %s", name, target.Target, target.Dockerfile, target.Context)
			}
		}
		return file.Target
	}
	check := func(what string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}

	plain := bake()
	check("tags of book", plain["book"].Tags, "descent:latest")
	check("tags of hub", plain["hub"].Tags, "descent-hub:latest")
	check("platforms of book", plain["book"].Platforms)
	if book := plain["book"]; len(book.Labels) > 0 || len(book.Args) > 0 {
		t.Errorf("without a version the labels are %v, the arguments %v", book.Labels, book.Args)
	}

	release := bake("TAG=registry.example/you/descent", "VERSION=2026.11.29", "REVISION=0123456789abcdef0123456789abcdef01234567",
		"SOURCE=https://github.com/you/descent", "GO_IMAGE=golang@sha256:1234")["release"]
	check("tags", release.Tags, "registry.example/you/descent:latest", "registry.example/you/descent:2026.11.29", "registry.example/you/descent:0123456789ab")
	check("platforms", release.Platforms, "linux/amd64", "linux/arm64")
	if release.Args["GO_IMAGE"] != "golang@sha256:1234" || len(release.Args) != 1 || len(release.Attest) != 2 {
		t.Errorf("arguments %v, attestations %v", release.Args, release.Attest)
	}
	for label, want := range map[string]string{"version": "2026.11.29", "source": "https://github.com/you/descent",
		"revision": "0123456789abcdef0123456789abcdef01234567"} {
		if got := release.Labels["org.opencontainers.image."+label]; got != want {
			t.Errorf("the label %s is %q, want %q", label, got, want)
		}
	}
	if created := release.Labels["org.opencontainers.image.created"]; !strings.HasSuffix(created, "Z") {
		t.Errorf("created %q", created)
	}
}

// findBuildx returns how to call buildx.
func findBuildx(t *testing.T) []string {
	for _, command := range [][]string{{"buildx"}, {"docker", "buildx"}} {
		if exec.Command(command[0], append(slices.Clone(command[1:]), "version")...).Run() == nil {
			return command
		}
	}
	t.Skip("there is no buildx (go install github.com/docker/buildx/cmd/buildx@latest)")
	return nil
}
