// Command notebooks opens the book, and runs and checks it without a browser.
//
//	go run ./notebooks                                  open the book in JupyterLab
//	go run ./notebooks run [-inplace | -o DIR] FILE...  execute notebooks
//	go run ./notebooks check [FILE...]                  execute, and compare with the committed outputs
//	go run ./notebooks export DIR                       write the book as a static site
//	go run ./notebooks setup                            only install what the others need
//	go run ./notebooks origin [ADDRESS]                 say where the book is published: for Colab
//
// and, for the image in docker/:
//
//	go run ./notebooks serve [-ip 0.0.0.0]              serve the book to other machines
//	go run ./notebooks restore FILE...                  put the book's notebooks back into the reader's folder
//	go run ./notebooks exec PROGRAM...                  run a program that finds JupyterLab and the kernel
//	go run ./notebooks health                           tell whether the server answers
//
// It needs Go and Python 3.10 or newer. What else it needs it installs into a
// cache folder of its own on the first start.
//
// This is only what starts the program, which is in internal/book. On a new
// machine Go compiles even the standard library before it runs anything: this
// imports so little that the first words appear after seconds.
package main

import (
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// program is a tool of go.mod, so that Go keeps it compiled.
	program = "descent/notebooks/internal/book"
	// parentVar tells the program whose end is its own, see package session.
	parentVar = "DESCENT_PARENT"
	// patience is how long it is silent: longer than an up-to-date program
	// takes.
	patience = time.Second
	// fresh is the age up to which an executable counts as compiled just now.
	fresh = 5 * time.Second
)

func main() {
	parent := os.Getppid()
	path, status := compile(parent)
	if status != 0 {
		os.Exit(status)
	}
	env := append(os.Environ(), parentVar+"="+strconv.Itoa(parent))
	args := append([]string{path}, os.Args[1:]...)
	err := syscall.Exec(path, args, env)
	if p, started := os.StartProcess(path, args, &os.ProcAttr{Env: env, Files: standard(os.Stdout)}); started == nil { // where nothing replaces a process
		state, _ := p.Wait()
		os.Exit(state.ExitCode())
	}
	fail(path + ": " + err.Error())
}

// compile compiles the program unless it is up to date, and returns where it
// is.
func compile(parent int) (path string, status int) {
	golang := goCommand()
	if golang == "" {
		return "", fail("the go command is not on the PATH: install Go 1.26 or newer (https://go.dev/dl), the kernel compiles every cell with it")
	}
	answer, out, err := os.Pipe()
	if err != nil {
		return "", fail(err.Error())
	}
	start := time.Now()
	// The environment is that of the set-up's own go commands: what is compiled
	// here is not compiled again there.
	p, err := os.StartProcess(golang, []string{"go", "tool", "-n", program}, &os.ProcAttr{
		Env:   append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off"),
		Files: standard(out),
	})
	out.Close()
	if err != nil {
		return "", fail(golang + ": " + err.Error())
	}
	ended := make(chan int)
	go func() {
		text, _ := io.ReadAll(answer)
		path = strings.TrimSpace(string(text))
		if state, err := p.Wait(); err == nil {
			ended <- state.ExitCode()
		} else {
			ended <- 1
		}
	}()
	said := false
	if justCompiled() { // then so must the program be
		say("compiling the book's program, which starts the rest ...", start)
		said = true
	}
	tick := time.NewTicker(patience)
	for {
		select {
		case status = <-ended:
			switch {
			case status != 0:
				fail("the book's program does not compile: does `go build ./...` work in the checkout? Is there room on the disk?")
			case said:
				say("the book's program is compiled", start)
			}
			return path, status
		case <-tick.C:
			if os.Getppid() != parent { // `go run` does not pass on what ends it
				p.Signal(os.Interrupt)
				<-ended
				return "", 1
			}
			if !said {
				say("compiling the book's program, which starts the rest ...", start)
				said = true
			}
		}
	}
}

// justCompiled reports whether Go has just compiled this launcher: `go run`
// keeps the executable for the next start.
func justCompiled() bool {
	path, err := os.Executable()
	if err != nil {
		return false
	}
	info, err := os.Stat(path)
	return err == nil && time.Since(info.ModTime()) < fresh
}

// goCommand returns the go command. `go run` puts its own first on the PATH.
func goCommand() string {
	for _, dir := range strings.Split(os.Getenv("PATH"), string(os.PathListSeparator)) {
		for _, name := range []string{"go", "go.exe"} {
			path := dir + string(os.PathSeparator) + name
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				return path
			}
		}
	}
	return ""
}

func standard(out *os.File) []*os.File { return []*os.File{os.Stdin, out, os.Stderr} }

func say(what string, start time.Time) {
	os.Stderr.WriteString("  " + time.Since(start).Round(100*time.Millisecond).String() + "  " + what + "\n")
}

func fail(why string) int {
	os.Stderr.WriteString("\n" + why + "\n")
	return 1
}
