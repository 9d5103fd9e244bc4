package datasets

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The interfaces of a web framework and of a content manager, translated by
// people (BSD-3).
var (
	django = wheel{
		name: "Django", version: "5.2.19",
		file:     "django-5.2.19-py3-none-any.whl",
		platform: []string{"--python-version", "3.12"},
		sha256:   "5965d974a5218a2b68a11dd1276434707f23886525c23f0598eccedaf4f4ca00",
	}
	wagtail = wheel{
		name: "wagtail", version: "8.0.1",
		file:     "wagtail-8.0.1-py3-none-any.whl",
		platform: []string{"--python-version", "3.12"},
		sha256:   "1e6ad5c7891a54efce1400e168298b5a2cc343b642cee89c31bf5ec30c98b26c",
	}
)

// Translation is a text and its human translation.
type Translation struct{ Source, Target string }

// Translations is the interface texts of Django and Wagtail in English and in
// another language, which is given by the name of its locale folder: "fr",
// "de", "es", "ja", "zh_Hans". A text that appears in several files is returned
// once.
func Translations(language string) ([]Translation, error) {
	var out []Translation
	seen := map[string]bool{}
	for _, w := range []wheel{django, wagtail} {
		path, err := w.path()
		if err != nil {
			return nil, err
		}
		files, err := suffixed(path, "/locale/"+language+"/LC_MESSAGES/", ".po", 1<<24)
		if err != nil {
			return nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(files)) {
			ts, err := readPO(bytes.NewReader(files[name]))
			if err != nil {
				return nil, fmt.Errorf("datasets: %s of %s: %w", name, w.name, err)
			}
			for _, t := range ts {
				if !seen[t.Source] {
					seen[t.Source] = true
					out = append(out, t)
				}
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("datasets: there are no translations to %q: give the name of a locale folder of Django, such as fr or zh_Hans", language)
	}
	return out, nil
}

// suffixed reads the files of an archive whose names have part in them and end
// in suffix: limit bytes at most.
func suffixed(archive, part, suffix string, limit int64) (memory, error) {
	return gather(archive, limit, func(e entry) (string, bool) {
		return e.name, strings.Contains(e.name, part) && strings.HasSuffix(e.name, suffix)
	})
}

// readPO reads the translations of a gettext catalogue (GNU gettext manual, The
// Format of PO Files); of a plural, the first two forms. It skips the header
// and entries that are obsolete, fuzzy or untranslated.
func readPO(r io.Reader) ([]Translation, error) {
	p := poReader{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for number := 1; lines.Scan(); number++ {
		if err := p.line(strings.TrimSpace(lines.Text())); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	p.finish()
	return p.out, nil
}

// poReader is what is known of the entry that is being read.
type poReader struct {
	out    []Translation
	fields map[string]*strings.Builder
	field  string // that the next quoted line belongs to
	fuzzy  bool
}

func (p *poReader) line(s string) error {
	if s == "" || s[0] == '#' {
		if p.has("msgstr") || p.has("msgstr[0]") || s == "" {
			p.finish()
		}
		p.fuzzy = p.fuzzy || strings.HasPrefix(s, "#,") && strings.Contains(s, "fuzzy")
		return nil
	}
	if s[0] != '"' {
		field, quoted, _ := strings.Cut(s, " ")
		if field == "msgctxt" || field == "msgid" && p.has("msgid") {
			p.finish() // entries need no empty line between them
		}
		p.field = field
		switch _, twice := p.fields[p.field]; {
		case p.field != "msgctxt" && p.field != "msgid" && p.field != "msgid_plural" && p.field != "msgstr" && !pluralForm(p.field):
			return fmt.Errorf("%.40q is none of msgctxt, msgid, msgid_plural and msgstr", p.field)
		case twice:
			return fmt.Errorf("%s twice in an entry", p.field)
		}
		if p.fields == nil {
			p.fields = map[string]*strings.Builder{}
		}
		p.fields[p.field] = &strings.Builder{}
		s = strings.TrimSpace(quoted)
	}
	if p.field == "" {
		return errors.New("a string without a keyword before it")
	}
	text, err := unquotePO(s)
	if err != nil {
		return err
	}
	p.fields[p.field].WriteString(text)
	return nil
}

// has tells whether an entry has a text in a field.
func (p *poReader) has(field string) bool {
	b := p.fields[field]
	return b != nil && b.Len() > 0
}

// text is that of a field, "" for one that is not there.
func (p *poReader) text(field string) string {
	if b := p.fields[field]; b != nil {
		return b.String()
	}
	return ""
}

func pluralForm(field string) bool {
	n, ok := strings.CutPrefix(field, "msgstr[")
	if !ok {
		return false
	}
	n, ok = strings.CutSuffix(n, "]")
	k, err := strconv.Atoi(n)
	return ok && err == nil && k >= 0 && k < 10
}

// finish ends an entry.
func (p *poReader) finish() {
	if !p.fuzzy && p.has("msgid") {
		pairs := []Translation{{p.text("msgid"), p.text("msgstr")}}
		if p.has("msgid_plural") {
			pairs = []Translation{{p.text("msgid"), p.text("msgstr[0]")}, {p.text("msgid_plural"), p.text("msgstr[1]")}}
		}
		for _, t := range pairs {
			if t.Target != "" {
				p.out = append(p.out, t)
			}
		}
	}
	*p = poReader{out: p.out}
}

// unquotePO is the text in quotation marks, with the escapes of C.
func unquotePO(s string) (string, error) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return "", fmt.Errorf("%.40q is not in quotation marks", s)
	}
	text, err := strconv.Unquote(s)
	if err != nil || !utf8.ValidString(s) || !utf8.ValidString(text) {
		return "", fmt.Errorf("%.40q has an unescaped quotation mark, an unknown escape or invalid UTF-8", s)
	}
	return text, nil
}
