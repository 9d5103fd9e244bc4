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
	"unicode/utf8"
)

// vader carries rated texts (MIT). Its wheel lacks them.
var vader = wheel{
	name: "vaderSentiment", version: "3.3.2",
	file:   "vaderSentiment-3.3.2.tar.gz",
	sha256: "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
}

// Snippet is a short text with a rating of its sentiment.
type Snippet struct {
	Text string
	// Rating is the mean of about 20 people's ratings, each from −4 to 4.
	Rating float64
}

// MovieReviews is 10,605 sentences of film reviews (those of Pang & Lee 2005,
// with their capital letters), rated one by one for VADER (Hutto & Gilbert
// 2014). The positive reviews come first and the negative ones after them:
// shuffle them.
func MovieReviews() ([]Snippet, error) {
	path, err := vader.path()
	if err != nil {
		return nil, err
	}
	inner, err := member(path, "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz", 1<<23)
	if err != nil {
		return nil, err
	}
	b, err := innerMember(inner, "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt", 1<<23)
	if err != nil {
		return nil, fmt.Errorf("datasets: movie reviews: %w", err)
	}
	s, err := readSnippets(bytes.NewReader(b))
	if err == nil && len(s) != 10605 {
		err = fmt.Errorf("%d sentences", len(s))
	}
	if err != nil {
		return nil, fmt.Errorf("datasets: movie reviews: %w", err)
	}
	return s, nil
}

// readSnippets reads lines of an id, the mean rating and the text, separated by
// tabs. Quotation marks have no meaning.
func readSnippets(r io.Reader) ([]Snippet, error) {
	var out []Snippet
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		f := strings.Split(strings.TrimSuffix(lines.Text(), "\r"), "\t")
		if len(f) != 3 {
			return nil, fmt.Errorf("line %d has %d fields, want an id, a rating and a text", number, len(f))
		}
		rating, err := strconv.ParseFloat(f[1], 64)
		if err != nil || !(math.Abs(rating) <= 4) {
			return nil, fmt.Errorf("line %d: %.40q is not a rating from −4 to 4", number, f[1])
		}
		text := strings.TrimSpace(f[2])
		if text == "" || !utf8.ValidString(text) {
			return nil, fmt.Errorf("line %d has no text, or one that is not UTF-8", number)
		}
		out = append(out, Snippet{text, rating})
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, errors.New("there are no lines in it")
	}
	return out, nil
}
