package datasets

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"descent/mlkit/audio"
)

// SpokenDigitRate is the sampling rate of SpokenDigits, in Hz.
const SpokenDigitRate = 8000

var spokenDigits = hosted{
	what: "spoken digits", file: "fsdd-recordings.tar.gz", size: "16 MB",
	url:    "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/26eb9aaf76e81b692f806f9140c2d2777410d7a1.tar.gz",
	folder: "recordings/", suffix: ".wav", digest: "997e451901d158bdf09dde66b240f3f19310fdbf4d9c056ebd806254df4a672c",
}

// SpokenDigit is a recording of one digit.
type SpokenDigit struct {
	Digit   int32 // 0 to 9
	Speaker string
	Take    int // 0 to 49
	Samples []float32
}

// SpokenDigits is 3,000 recordings of English digits of 0.1 to 2.3 s, spoken by
// six people 50 times each (Jackson et al., Free Spoken Digit Dataset, 2018; CC
// BY-SA 4.0), in the original split: takes 0 to 4 are the test set. The archive
// of the pinned commit, as its host packs it (16 MB), has to be in [Dir] as
// fsdd-recordings.tar.gz; otherwise the error wraps ErrMissing and gives its
// address. Its contents are verified by a checksum.
func SpokenDigits() (train, test []SpokenDigit, err error) {
	files, err := spokenDigits.read()
	if err != nil {
		return nil, nil, err
	}
	for name, b := range files {
		d, err := spokenDigit(name, b)
		if err != nil {
			return nil, nil, fmt.Errorf("datasets: spoken digits: %s: %w", name, err)
		}
		if d.Take < 5 {
			test = append(test, d)
		} else {
			train = append(train, d)
		}
	}
	for _, part := range [][]SpokenDigit{train, test} {
		slices.SortFunc(part, func(a, b SpokenDigit) int {
			return cmp.Or(cmp.Compare(a.Digit, b.Digit), cmp.Compare(a.Speaker, b.Speaker), cmp.Compare(a.Take, b.Take))
		})
	}
	return train, test, nil
}

// spokenDigit reads a recording; its name is {digit}_{speaker}_{take}.wav.
func spokenDigit(name string, b []byte) (d SpokenDigit, err error) {
	parts := strings.Split(strings.TrimSuffix(name, ".wav"), "_")
	if len(parts) != 3 {
		return d, errors.New("not named {digit}_{speaker}_{take}.wav")
	}
	digit, err := strconv.ParseUint(parts[0], 10, 8)
	if err != nil || digit > 9 {
		return d, fmt.Errorf("%q is not a digit", parts[0])
	}
	take, err := strconv.ParseUint(parts[2], 10, 16)
	if err != nil {
		return d, fmt.Errorf("%q is not the number of a take", parts[2])
	}
	s, err := audio.ReadWAV(bytes.NewReader(b))
	if err != nil {
		return d, err
	}
	if s.Rate != SpokenDigitRate {
		return d, fmt.Errorf("%d samples per second, want %d", s.Rate, SpokenDigitRate)
	}
	return SpokenDigit{Digit: int32(digit), Speaker: parts[1], Take: int(take), Samples: s.Mono()}, nil
}
