package datasets

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"descent/mlkit/data"
)

// aeon carries time series (BSD-3).
var aeon = wheel{
	name: "aeon", version: "1.6.0",
	file:     "aeon-1.6.0-py3-none-any.whl",
	platform: []string{"--python-version", "3.12"}, // whatever Python pip itself runs on
	sha256:   "d05227086706f80111ac5fee8de4d5d3115bb3bcfd1c786c8629393055816409",
}

// JapaneseVowels is recordings of nine men who say the vowels a and e in
// succession: 12 LPC cepstra for every 6.4 ms, 7 to 29 steps; the label is the
// speaker. There are 270 utterances for training (30 per speaker) and 370 for
// testing (Kudo, Toyama & Shimbo 1999; UCI; from aeon).
func JapaneseVowels() (train, test *data.Sequences, err error) {
	path, err := aeon.path()
	if err != nil {
		return nil, nil, err
	}
	var parts [2]*data.Sequences
	for i, part := range []struct {
		name string
		n    int
	}{{"TRAIN", 270}, {"TEST", 370}} {
		b, err := member(path, "aeon/datasets/data/JapaneseVowels/JapaneseVowels_"+part.name+".ts", 1<<22)
		if err != nil {
			return nil, nil, err
		}
		s, err := readTS(bytes.NewReader(b))
		if err == nil && (s.Len() != part.n || s.Width != 12 || len(s.Classes) != 9) {
			err = fmt.Errorf("%d series of %d numbers in %d classes", s.Len(), s.Width, len(s.Classes))
		}
		if err != nil {
			return nil, nil, fmt.Errorf("datasets: Japanese vowels: %w", err)
		}
		parts[i] = s
	}
	return parts[0], parts[1], nil
}

// readTS reads labelled series in the .ts format of the UEA and UCR archives
// (Bagnall et al. 2018), without missing values and time stamps. After a header
// of lines with @, each line is one series: its dimensions and its class,
// separated by colons, the values of a dimension by commas.
func readTS(r io.Reader) (*data.Sequences, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<22)
	s := &data.Sequences{}
	classes := map[string]int32{}
	inData := false
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		var err error
		if inData {
			err = addSeries(s, line, classes)
		} else {
			inData, err = readTSHead(s, line, classes)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(s.X) == 0 {
		return nil, errors.New("there are no series in it")
	}
	return s, nil
}

func readTSHead(s *data.Sequences, line string, classes map[string]int32) (inData bool, err error) {
	fields := strings.Fields(line)
	switch key := strings.ToLower(fields[0]); {
	case key == "@data":
		if len(s.Classes) == 0 {
			return false, errors.New("the series have no classes")
		}
		return true, nil
	case (key == "@timestamps" || key == "@missing") && (len(fields) != 2 || fields[1] != "false"):
		return false, fmt.Errorf("files with %s are not supported", line)
	case key == "@classlabel" && len(fields) > 1 && fields[1] == "true":
		for _, name := range fields[2:] {
			if _, twice := classes[name]; twice {
				return false, fmt.Errorf("class %q twice", name)
			}
			classes[name] = int32(len(s.Classes))
			s.Classes = append(s.Classes, name)
		}
	case key[0] != '@':
		return false, fmt.Errorf("%.40q before @data", line)
	}
	return false, nil
}

func addSeries(s *data.Sequences, line string, classes map[string]int32) error {
	parts := strings.Split(line, ":")
	dims, name := parts[:len(parts)-1], strings.TrimSpace(parts[len(parts)-1])
	label, known := classes[name]
	if !known {
		return fmt.Errorf("unknown class %.40q", name)
	}
	if s.Width == 0 {
		s.Width = len(dims)
	}
	if len(dims) == 0 || len(dims) != s.Width {
		return fmt.Errorf("%d dimensions, want %d", len(dims), max(s.Width, 1))
	}
	var x []float32
	length := 0
	for d, text := range dims {
		values := strings.Split(text, ",")
		if d == 0 {
			// Every value takes a character and a mark after it: a line cannot
			// ask for more memory than its own length.
			if length = len(values); length*s.Width > len(line) {
				return fmt.Errorf("%d dimensions of %d values do not fit in a line of %d characters", s.Width, length, len(line))
			}
			x = make([]float32, length*s.Width)
		}
		if len(values) != length {
			return fmt.Errorf("dimension %d has %d values, the first has %d", d, len(values), length)
		}
		for t, v := range values {
			f, err := strconv.ParseFloat(strings.TrimSpace(v), 32)
			if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
				return fmt.Errorf("%.40q is not a number", v)
			}
			x[t*s.Width+d] = float32(f)
		}
	}
	s.X, s.Labels = append(s.X, x), append(s.Labels, label)
	return nil
}
