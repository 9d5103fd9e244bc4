//go:build linux

package main

import (
	"testing"
	"time"
)

func TestMade(t *testing.T) {
	for by, want := range map[string]string{
		"/bin/sh -c #(nop) COPY dir:0a1b in /opt/data ":                                                          "COPY /opt/data",
		"COPY /opt/go/modules /opt/go/modules # buildkit":                                                        "COPY /opt/go/modules",
		"RUN /bin/sh -c apt-get update  && apt-get install -y tini # buildkit":                                   "apt-get update && apt-get install -y tini",
		"|1 NB_UID=1000 /bin/sh -c useradd --uid ${NB_UID} reader":                                               "useradd --uid ${NB_UID} reader",
		"RUN |1 NB_UID=1000 /bin/sh -c useradd --uid ${NB_UID} reader # buildkit":                                "useradd --uid ${NB_UID} reader",
		"/bin/sh -c #(nop) ADD file:5c3d1f7e09a2b4 in / ":                                                        "ADD /",
		"/bin/sh -c echo 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 01234567890123456789": "echo 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 01234567890123456789"[:90],
	} {
		if got := made(by); got != want {
			t.Errorf("made(%q) = %q, want %q", by, got, want)
		}
	}
}

func TestSizes(t *testing.T) {
	r := newReport()
	if got := r.sizes([]layer{{"COPY /a # buildkit", 1_500_000}, {"ENV A=b", 0}, {"COPY /b # buildkit", 2_000_000}}); got != 3_500_000 {
		t.Errorf("size of all = %d", got)
	}
	want := []string{
		"size            3.5 MB   not compressed, of which",
		"                2.0 MB   COPY /b",
		"                1.5 MB   COPY /a",
	}
	if len(r.lines) != len(want) {
		t.Fatalf("lines: %q", r.lines)
	}
	for i := range want {
		if r.lines[i] != want[i] {
			t.Errorf("line %d: %q, want %q", i, r.lines[i], want[i])
		}
	}
}

func TestPressure(t *testing.T) {
	const text = "some avg10=87.01 avg60=66.38 avg300=33.79 total=146394811\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=5\n"
	if got, want := parsePressure(text), 146394811*time.Microsecond; got != want {
		t.Errorf("waiting: %v, want %v", got, want)
	}
	if got := parsePressure(""); got != 0 {
		t.Errorf("of a kernel without the file: %v", got)
	}
}
