//go:build !gen

// Command gen writes the assembly of a package of kernels, and the functions
// that choose among the instruction sets. It runs in the directory of the
// package:
//
//	go run ../gen -family rowwise
//
// A family is an entry of families. Most kernels are written once, for the
// vector machine (see machine), which has makers for AVX2, AVX-512 and NEON;
// those that need registers by name are written with avo, or as text for arm64.
// Offsets of struct fields come from the package's types.
//
// All of it has the tag gen but this file, which starts the rest: avo is large,
// and go build ./... and go test ./... need not compile it.
package main

import (
	"log"
	"os"
	"os/exec"
)

func main() {
	cmd := exec.Command("go", append([]string{"run", "-tags=gen", "../gen"}, os.Args[1:]...)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		log.Fatal(err)
	}
}
