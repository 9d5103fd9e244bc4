package exec

import (
	"regexp"
	"strings"

	"descent/notebooks/internal/nb"
)

var (
	// What GoNB writes to the error stream, and then calls the cell a success.
	exitStatus   = regexp.MustCompile(`(?m)^(exit status \d+|signal: .+)$`)
	unknownMagic = regexp.MustCompile(`"(%[^"]*)" unknown or not implemented yet`)
	shellLine    = regexp.MustCompile(`(?m)^(//gonb:)?!`)
	shellCell    = regexp.MustCompile(`^(//gonb:)?%%(bash|sh|script)\b`)
)

// expected is Jupyter's tag for a cell that shows an error on purpose.
const expected = "raises-exception"

// fault returns why an executed cell counts as failed, "" if it does not.
func fault(c nb.Cell) string {
	reason := reasonOf(c)
	switch {
	case !c.HasTag(expected):
		return reason
	case reason == "":
		return "the cell is tagged " + expected + ", and nothing failed"
	}
	return ""
}

func reasonOf(c nb.Cell) string {
	var stdout, stderr string
	for _, o := range c.Outputs() {
		switch name, text := o.Stream(); name {
		case "stdout":
			stdout += text
		case "stderr":
			stderr += text
		}
	}
	for _, o := range c.Outputs() {
		if o.Kind() != "error" {
			continue
		}
		// A program that panics, exits or fails a test says why on its own
		// streams.
		if reason := o.Error(); exitStatus.MatchString(reason) {
			return strings.TrimSpace(lastLines(stdout) + lastLines(stderr) + reason)
		}
		return o.Error()
	}
	if m := unknownMagic.FindStringSubmatch(stderr); m != nil {
		return "the kernel does not know the magic command " + m[1] + "; %help in a cell lists those it knows"
	}
	if shell := shellLine.MatchString(c.Source()) || shellCell.MatchString(c.Source()); shell && exitStatus.MatchString(stderr) {
		return "a shell command failed:\n" + strings.TrimSpace(stderr)
	}
	return ""
}

// lastLines is the end of a stream: enough for a panic with the frames that
// matter.
func lastLines(s string) string {
	lines := strings.SplitAfter(s, "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "")
}

func hasError(c nb.Cell) bool {
	for _, o := range c.Outputs() {
		if o.Kind() == "error" {
			return true
		}
	}
	return false
}
