package datasets

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

const multi30kURL = "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw/"

// multi30kFiles are the parts, by their names and languages.
var multi30kFiles = map[string]struct {
	size   int64
	sha256 string
}{
	"train.en":            {568929, "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f"},
	"train.de":            {637044, "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6"},
	"train.fr":            {604242, "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c"},
	"val.en":              {21650, "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28"},
	"val.de":              {24681, "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a"},
	"val.fr":              {23001, "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9"},
	"test_2016_flickr.en": {21077, "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9"},
	"test_2016_flickr.de": {22890, "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8"},
	"test_2016_flickr.fr": {22310, "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90"},
}

// Multi30k is sentences that describe photographs, in English and translated by
// people into German ("de") or French ("fr"): 29,000 for training, 1,014 for
// validation, and the 1,000 of test_2016_flickr for testing (Elliott, Frank,
// Sima'an & Specia, Multi30K: Multilingual English-German Image Descriptions,
// 2016). The 2 MB are downloaded once. The authors state no licence: use the
// data for tests only, and do not redistribute them.
func Multi30k(ctx context.Context, language string) (train, val, test []Translation, err error) {
	if language != "de" && language != "fr" {
		return nil, nil, nil, fmt.Errorf("datasets: Multi30k has no %q here, only de and fr", language)
	}
	var parts [3][]Translation
	for i, name := range []string{"train", "val", "test_2016_flickr"} {
		var sides [2][]string
		for k, l := range []string{"en", language} {
			f := multi30kFiles[name+"."+l]
			file := name + "." + l + ".gz"
			path, err := File{Name: "multi30k/" + file, URL: multi30kURL + file, SHA256: f.sha256, Size: f.size}.Path(ctx)
			if err != nil {
				return nil, nil, nil, err
			}
			if sides[k], err = gzippedLines(path); err != nil {
				return nil, nil, nil, fmt.Errorf("datasets: Multi30k: %s: %w", file, err)
			}
		}
		if parts[i], err = aligned(sides[0], sides[1]); err != nil {
			return nil, nil, nil, fmt.Errorf("datasets: Multi30k: %s: %w", name, err)
		}
	}
	return parts[0], parts[1], parts[2], nil
}

// aligned makes pairs of the lines of two texts.
func aligned(source, target []string) ([]Translation, error) {
	if len(source) != len(target) {
		return nil, fmt.Errorf("%d lines in one language and %d in the other", len(source), len(target))
	}
	out := make([]Translation, len(source))
	for i := range out {
		out[i] = Translation{source[i], target[i]}
	}
	return out, nil
}

func gzippedLines(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readGzippedLines(f)
}

// readGzippedLines reads the lines of a compressed text of at most 16 MB,
// without surrounding white space.
func readGzippedLines(r io.Reader) (out []string, err error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	const most = 16 << 20
	left := &io.LimitedReader{R: z, N: most + 1}
	lines := bufio.NewScanner(left)
	for lines.Scan() {
		s := strings.TrimSpace(lines.Text())
		if s == "" || !utf8.ValidString(s) {
			return nil, fmt.Errorf("line %d is empty or not UTF-8", len(out)+1)
		}
		out = append(out, s)
	}
	switch err := lines.Err(); {
	case err != nil:
		return nil, fmt.Errorf("line %d: %w", len(out)+1, err)
	case left.N == 0:
		return nil, errors.New("it unpacks to more than is allowed")
	case len(out) == 0:
		return nil, errors.New("there are no lines in it")
	}
	return out, nil
}
