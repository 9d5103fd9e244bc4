package datasets

import "time"

// Impatient shortens the waits of downloads until undo is called.
func Impatient() (undo func()) {
	s, r := stallAfter, retryAfter
	stallAfter, retryAfter = 100*time.Millisecond, time.Millisecond
	return func() { stallAfter, retryAfter = s, r }
}

// FashionFolder sets where Debian's files are looked for.
func FashionFolder(dir string) { fashionFolder = dir }

// Member reads a file of an archive.
var Member = member
