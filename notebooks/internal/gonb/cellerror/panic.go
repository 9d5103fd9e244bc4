package cellerror

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Marks begin what Go's runtime prints when a program crashes.
var Marks = []string{"panic: ", "fatal error: ", "runtime: goroutine stack exceeds ", "unexpected fault address "}

var (
	goroutine = regexp.MustCompile(`^goroutine \d+(?: [^\[]*)?\[(.+)\]:$`)
	frameLine = regexp.MustCompile(`^\t(.+):(\d+)(?: \+0x[0-9a-f]+)?$`)
	signal    = regexp.MustCompile(`(?m)^\[signal .*\]\n?`)
	verdict   = regexp.MustCompile(`(?m)^(?:panic|fatal error): `)
)

// frame is a call on the stack.
type frame struct {
	function, file string
	line           int
}

// Panic returns what a crash that a program printed says to the reader: the
// line of the cell first, then how it got there. It returns "" if the text is
// not that of a crash.
func (f File) Panic(text string) string {
	start := verdict.FindStringIndex(text)
	if start == nil {
		return ""
	}
	before, text := strings.TrimSpace(text[:start[0]]), text[start[0]:]
	message, _, found := strings.Cut(text, "\ngoroutine ")
	if !found {
		return ""
	}
	message, _, _ = strings.Cut(message, "\nruntime stack:")
	message = strings.TrimSpace(signal.ReplaceAllString(message, ""))
	message = strings.TrimSuffix(message, " [recovered, repanicked]")
	if before, _, _ = strings.Cut(before, "\n"); before != "" { // what the runtime says of a stack overflow, say
		message += "\n" + before
	}
	frames := f.stack(text)
	own := -1
	for i, fr := range frames {
		if f.isCells(fr) {
			own = i
			break
		}
	}
	var b strings.Builder
	if own < 0 {
		b.WriteString(f.clean(message) + "\n")
	} else {
		fmt.Fprintf(&b, "%s: %s\n%s", f.where(frames[own].line), f.clean(message), f.show(frames[own].line, 0))
		for i := own - 1; i >= 0; i-- { // from the cell into the library
			fmt.Fprintf(&b, "    it calls %s (%s:%d)\n", frames[i].function, f.short(frames[i].file), frames[i].line)
		}
	}
	called, last := 0, -1
	if own >= 0 {
		last = frames[own].line
	}
	for _, fr := range frames[own+1:] {
		if own < 0 { // nothing of the cell's: all there is
			fmt.Fprintf(&b, "    in %s (%s:%d)\n", fr.function, f.short(fr.file), fr.line)
		} else if f.isCells(fr) && fr.line != last {
			if called++; called > 8 {
				b.WriteString("and so on\n")
				break
			}
			where := f.where(fr.line)
			fmt.Fprintf(&b, "called from %s\n%s", strings.ToLower(where[:1])+where[1:], f.show(fr.line, 0))
			last = fr.line
		}
	}
	if h := crashHint(message); h != "" {
		b.WriteString(advise(h))
	}
	return strings.TrimRight(b.String(), "\n")
}

// stack returns the calls of the goroutine that crashed, the innermost first,
// without those of the runtime.
func (f File) stack(text string) (frames []frame) {
	inside, function := false, ""
	for _, line := range strings.Split(text, "\n") {
		switch {
		case goroutine.MatchString(line):
			if inside && len(frames) > 0 {
				return frames
			}
			inside = true
		case !inside:
		case line == "":
			if len(frames) > 0 {
				return frames
			}
		case frameLine.MatchString(line):
			m := frameLine.FindStringSubmatch(line)
			number, _ := strconv.Atoi(m[2])
			if !strings.HasPrefix(function, "runtime.") && !strings.HasPrefix(function, "panic(") && !strings.HasPrefix(function, "testing.") && function != "" {
				frames = append(frames, frame{bare(function), m[1], number})
			}
			function = ""
		default:
			function = strings.TrimPrefix(line, "created by ")
		}
	}
	return frames
}

// bare drops the arguments of a call and where a goroutine was created.
func bare(function string) string {
	function, _, _ = strings.Cut(function, " in goroutine ")
	if i := strings.LastIndexByte(function, '('); i > 0 && strings.HasSuffix(function, ")") {
		function = function[:i]
	}
	return function
}

func (f File) isCells(fr frame) bool {
	return filepath.Dir(fr.file) == filepath.Clean(f.Dir) && f.place(fr.line).Line > 0
}

// short is a file's name as the reader may find it.
func (f File) short(file string) string {
	if f.Repo != "" {
		if rel, err := filepath.Rel(f.Repo, file); err == nil && !strings.HasPrefix(rel, "..") {
			return filepath.ToSlash(rel)
		}
	}
	if _, after, found := strings.Cut(file, "/pkg/mod/"); found {
		return after
	}
	if _, after, found := strings.Cut(file, "/src/"); found {
		return after
	}
	return filepath.Base(file)
}

// Ended explains how a program ended that said nothing itself, "" if there is
// nothing to explain.
func Ended(status string) string {
	switch status {
	case "signal: interrupt":
		return status + "\nThe cell was interrupted."
	case "signal: killed":
		return status + "\nThe cell's program was killed: for want of memory, or because it did not heed an interrupt."
	}
	return ""
}

func crashHint(message string) string {
	switch {
	case strings.Contains(message, "nil pointer dereference"):
		return "something here is nil: a pointer, map or interface that nothing was assigned to, or a result that came with an error that was not looked at"
	case strings.Contains(message, "all goroutines are asleep"):
		return "every goroutine waits for another one: a channel that nobody sends to or closes, or a WaitGroup that is not Done"
	case strings.Contains(message, "stack overflow"):
		return "a function calls itself without end"
	case strings.Contains(message, "assignment to entry in nil map"):
		return "the map was declared but not made: m := map[K]V{}"
	}
	return ""
}
