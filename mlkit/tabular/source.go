package tabular

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
)

// source is r as UTF-8 without a byte order mark and without its first lines,
// whatever ends the lines. charset nil means UTF-8.
func source(r io.Reader, charset encoding.Encoding, skip int) (*lines, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	mark, err := b.Peek(3)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if charset != nil {
		b = bufio.NewReaderSize(charset.NewDecoder().Reader(b), 1<<16)
		if mark, err = b.Peek(3); err != nil && err != io.EOF {
			return nil, fmt.Errorf("CSVOptions.Charset does not fit: %w", err)
		}
	} else if bytes.HasPrefix(mark, []byte{0xff, 0xfe}) || bytes.HasPrefix(mark, []byte{0xfe, 0xff}) {
		return nil, errors.New("the file is UTF-16: set CSVOptions.Charset to unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), of golang.org/x/text/encoding/unicode")
	}
	if string(mark) == "\ufeff" { // Excel's; before a quote it is no CSV
		_, _ = b.Discard(3)
	}
	for range skip { // not records: a remark may hold quotes, and a line be empty
		if err := skipLine(b); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
	}
	return &lines{r: b}, nil
}

func skipLine(b *bufio.Reader) error {
	for {
		c, err := b.ReadByte()
		if err != nil || c == '\n' {
			return err
		}
		if c == '\r' {
			if next, _ := b.Peek(1); len(next) > 0 && next[0] == '\n' {
				_, _ = b.Discard(1)
			}
			return nil
		}
	}
}

// lines makes LF of every CR that ends a line alone, as in files of old Macs,
// which encoding/csv takes for one long line. Within quotes it stays.
type lines struct {
	r      *bufio.Reader
	quoted bool
	count  int // of LF so far
}

func (l *lines) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	for i, c := range p[:n] {
		switch {
		case c == '"':
			l.quoted = !l.quoted
		case c == '\r' && !l.quoted:
			next := p[i+1 : n]
			if len(next) == 0 {
				next, _ = l.r.Peek(1)
			}
			if len(next) == 0 || next[0] != '\n' {
				p[i] = '\n'
			}
		}
		if p[i] == '\n' {
			l.count++
		}
	}
	return n, err
}

// checkText refuses bytes that are no text in the charset that was said.
func checkText(s string, charset encoding.Encoding) error {
	switch {
	case charset == nil && !utf8.ValidString(s):
		return fmt.Errorf("%.40q is not UTF-8: set CSVOptions.Charset (charmap.Windows1252 for Latin-1 and most files from Windows in Western Europe, simplifiedchinese.GB18030 for Chinese ones; both under golang.org/x/text/encoding)", s)
	case charset != nil && strings.ContainsRune(s, utf8.RuneError):
		return fmt.Errorf("%.40q has bytes that CSVOptions.Charset does not have", s)
	case strings.IndexByte(s, 0) >= 0:
		return fmt.Errorf("%.40q has zero bytes: the file is UTF-16 without a mark (set CSVOptions.Charset), or no text", s)
	}
	return nil
}
