package tabular

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// MissingWords are what pandas takes for a missing value, for
// CSVOptions.Missing: all of them, whatever the column. (In a column of names
// or of countries Nan, None and NA may be none.)
var MissingWords = []string{"#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
	"<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"}

// missingWord tells whether a cell among numbers may stand for a missing one.
func missingWord(s string) bool {
	switch strings.ToLower(strings.Trim(s, "#<>")) {
	case "na", "n/a", "nan", "-nan", "null", "nil", "none", "missing", "?", "-", "--", ".", "…", "":
		return true
	}
	return false
}

// verdict is what a cell is as a number.
type verdict uint8

const (
	isNumber      verdict = iota
	notNumber             // a word, or a number in another notation
	notFinite             // NaN or an infinity
	leadingZeros          // 007
	beyondExact           // an integer beyond 2⁵³
	beyondFloat64         // 1e400, 1e-400
)

func (v verdict) String() string {
	return [...]string{"is a number", "is no number", "is no finite number", "has leading zeros, as codes have",
		"is an integer beyond 2^53, where float64 merges neighbours", "is beyond float64"}[v]
}

// notation is how numbers and dates are written.
type notation struct {
	decimal, thousands rune // 0: '.', none
	layouts            []string
	zone               *time.Location
}

func (n notation) check() error {
	for name, r := range map[string]rune{"Decimal": n.decimal, "Thousands": n.thousands} {
		if r >= '0' && r <= '9' || r != 0 && strings.ContainsRune("+-eE\"", r) {
			return fmt.Errorf("CSVOptions.%s is %q, which is part of a number or a quote", name, r)
		}
	}
	if n.thousands != 0 && (n.thousands == n.decimal || n.decimal == 0 && n.thousands == '.') {
		return fmt.Errorf("CSVOptions.Decimal and Thousands are both %q", n.thousands)
	}
	for _, l := range n.layouts {
		if strings.Contains(l, "MST") {
			return fmt.Errorf("CSVOptions.DateLayouts: %q has the abbreviation of a zone, which does not tell its offset: use -0700 or Z07:00", l)
		}
	}
	return nil
}

// parse reads decimal notation only: strconv.ParseFloat takes Go's literals,
// too (1_000, 0x1p-2, Infinity).
func (n notation) parse(s string) (v float64, is verdict) {
	plain, ok := n.plain(s)
	if !ok {
		switch strings.ToLower(strings.TrimLeft(s, "+-")) {
		case "nan", "inf", "infinity":
			return math.NaN(), notFinite
		}
		return 0, notNumber
	}
	v, err := strconv.ParseFloat(plain, 64)
	digits := strings.TrimLeft(plain, "+-")
	switch {
	case err != nil || v == 0 && strings.ContainsAny(mantissa(digits), "123456789"):
		return v, beyondFloat64
	case len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9':
		return v + 0, leadingZeros // −0 + 0 is 0
	case math.Abs(v) >= 1<<53 && !strings.ContainsAny(digits, "eE") && digits != "9007199254740992":
		return v, beyondExact
	}
	return v + 0, isNumber
}

func mantissa(digits string) string {
	if k := strings.IndexAny(digits, "eE"); k >= 0 {
		return digits[:k]
	}
	return digits
}

// plain is s with '.' and without thousands, if s is a decimal number.
func (n notation) plain(s string) (string, bool) {
	if n.decimal != 0 && n.decimal != '.' || n.thousands != 0 {
		whole, rest := s, ""
		decimal := n.decimal
		if decimal == 0 {
			decimal = '.'
		}
		if k := strings.IndexRune(s, decimal); k >= 0 {
			whole, rest = s[:k], "."+s[k+len(string(decimal)):]
		} else if k := strings.IndexAny(s, "eE"); k >= 0 {
			whole, rest = s[:k], s[k:]
		}
		if strings.Contains(rest, string(decimal)) && decimal != '.' ||
			decimal != '.' && strings.Contains(whole, ".") && n.thousands != '.' {
			return "", false
		}
		if n.thousands != 0 && strings.ContainsRune(whole, n.thousands) {
			groups := strings.Split(whole, string(n.thousands))
			for i, g := range groups {
				if i == 0 {
					g = strings.TrimLeft(g, "+-")
				}
				if len(g) != 3 && (i > 0 || len(g) == 0 || len(g) > 3) || i == 0 && g[0] == '0' { // 0,123 is a fraction
					return "", false
				}
			}
			whole = strings.Join(groups, "")
		}
		s = whole + rest
	}
	return s, decimalNumber(s)
}

// decimalNumber tells whether s is [+-]digits[.digits][e[+-]digits].
func decimalNumber(s string) bool {
	i := 0
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	digits := func() int {
		from := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i - from
	}
	n := digits()
	if i < len(s) && s[i] == '.' {
		i++
		n += digits()
	}
	if n == 0 {
		return false
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if digits() == 0 {
			return false
		}
	}
	return i == len(s)
}

var (
	// A number in some notation: signs, currencies, groups, percent,
	// accountants' brackets.
	numberLike = regexp.MustCompile(`^\(?[+\-−]?\s?[$€£¥₹₩₽]?\s?[+\-−]?[.,'’_\s\x{a0}\x{202f}]?[0-9][0-9.,'’_\s\x{a0}\x{202f}]*([eE][+\-−]?[0-9]+)?\s?[%‰$€£¥₹₩₽万亿元円]*-?\)?$`)
	// A date or time of day in digits, or with 年; a month, quarter or week of a
	// year; a span of time as pandas writes it.
	dateLike = regexp.MustCompile(`^([0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([ T].*)?|[0-9]{1,2}:[0-9]{2}(:[0-9]{2}.*)?( ?[AaPp][Mm])?|[0-9]{2,4}[年년].*|` +
		`[12][0-9]{3}-(0[1-9]|1[0-2])|[12][0-9]{3}[- ]?(Q[1-4]|W[0-5][0-9](-[1-7])?)|-?[0-9]+ days?( .*)?)$`)

	monthNames = strings.Fields("january february march april may june july august september october november december sept")
	dayNames   = strings.Fields("monday tuesday wednesday thursday friday saturday sunday")
)

// looksLike says what a cell that is no number seems to be: a number or a date
// in some notation, of which one category for each would be nonsense, or "".
func looksLike(s string) string {
	const aNumber, aDate = "is a number in another notation", "is a date in another notation"
	switch {
	case len(s) > 40 || strings.IndexFunc(s, unicode.IsDigit) < 0:
		return ""
	case dateLike.MatchString(s):
		return aDate
	case strings.IndexFunc(s, func(r rune) bool { return unicode.IsLetter(r) && !strings.ContainsRune("eE万亿元円", r) }) >= 0:
		if monthAndDigits(s) {
			return aDate
		}
		return ""
	case numberLike.MatchString(s):
		return aNumber
	case strings.IndexFunc(s, func(r rune) bool { return !unicode.IsDigit(r) && !unicode.In(r, fullWidth) }) < 0:
		return aNumber // １２．５, ١٢٣
	}
	return ""
}

// fullWidth is ！ to ～, the signs of ASCII as wide as Chinese characters.
var fullWidth = &unicode.RangeTable{R16: []unicode.Range16{{Lo: 0xff01, Hi: 0xff5e, Stride: 1}}}

// monthAndDigits tells whether s has the name of a month, or its first three
// letters, and no other words than the name of a day and short ones ("5th").
func monthAndDigits(s string) bool {
	month := false
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) }) {
		word = strings.ToLower(word)
		is := func(name string) bool { return name == word || len(word) == 3 && name[:3] == word }
		switch {
		case slices.ContainsFunc(monthNames, is):
			month = true
		case len(word) > 3 && !slices.ContainsFunc(dayNames, is):
			return false
		}
	}
	return month
}

// isoDates are the layouts that nobody can misread.
var isoDates = []string{time.DateOnly, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04",
	time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z0700"}

// date reads a date in the first layout that fits, and tells which.
func (n notation) date(s string, layouts []string) (days float64, layout int) {
	for k, l := range layouts {
		zone := n.zone
		if zone == nil {
			zone = time.UTC
		}
		if t, err := time.ParseInLocation(l, s, zone); err == nil {
			return daysOf(t), k
		}
	}
	return 0, -1
}

// zoned tells whether a layout says the zone.
func zoned(layout string) bool { return strings.Contains(layout, "07") }
