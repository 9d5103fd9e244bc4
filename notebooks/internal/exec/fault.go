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
	stderr := ""
	for _, o := range c.Outputs() {
		switch o.Kind() {
		case "error":
			return o.Error()
		case "stream":
			if name, text := o.Stream(); name == "stderr" {
				stderr += text
			}
		}
	}
	if m := unknownMagic.FindStringSubmatch(stderr); m != nil {
		return "the kernel does not know the magic command " + m[1] + "; %help in a cell lists those it knows"
	}
	if shell := shellLine.MatchString(c.Source()) || shellCell.MatchString(c.Source()); shell && exitStatus.MatchString(stderr) {
		return "a shell command failed:\n" + strings.TrimSpace(stderr)
	}
	return ""
}

func hasError(c nb.Cell) bool {
	for _, o := range c.Outputs() {
		if o.Kind() == "error" {
			return true
		}
	}
	return false
}
