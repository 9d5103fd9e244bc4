//go:build ignore

// Digests reads names of files, each ended by NUL, and prints each with a
// digest of its contents. Of a Go file only what the compiler heeds counts, and
// of a notebook its code cells with their outputs: a comment or a paragraph that
// is reworded changes no figure, so nothing has to be trained again.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"go/scanner"
	"go/token"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	names, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		contents, err := os.ReadFile(name)
		if err != nil {
			log.Fatal(err)
		}
		switch filepath.Ext(name) {
		case ".go":
			contents = code(contents)
		case ".ipynb":
			if contents, err = cells(contents); err != nil {
				log.Fatalf("%s: %v", name, err)
			}
		}
		fmt.Printf("%s %x\n", name, sha256.Sum256(contents))
	}
}

// code returns the tokens of a Go file, a line each, with those comments that
// are instructions (//go:embed). What cannot be scanned is returned as it is.
func code(src []byte) []byte {
	file := token.NewFileSet().AddFile("", -1, len(src))
	var s scanner.Scanner
	failed := false
	s.Init(file, src, func(token.Position, string) { failed = true }, scanner.ScanComments)
	var out bytes.Buffer
	for {
		_, tok, text := s.Scan()
		switch {
		case failed:
			return src
		case tok == token.EOF:
			return out.Bytes()
		case tok == token.COMMENT && !strings.HasPrefix(text, "//go:"):
		case tok == token.SEMICOLON && text == "\n": // where a comment stood, too
			out.WriteString(";\n")
		default:
			fmt.Fprintln(&out, tok, text)
		}
	}
}

// cells returns a notebook without its text.
func cells(notebook []byte) ([]byte, error) {
	var n struct{ Cells []map[string]any }
	if err := json.Unmarshal(notebook, &n); err != nil {
		return nil, err
	}
	n.Cells = slices.DeleteFunc(n.Cells, func(cell map[string]any) bool { return cell["cell_type"] != "code" })
	return json.Marshal(n.Cells)
}
