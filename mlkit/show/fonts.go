package show

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// fallback finds fonts of this machine for letters that the theme's own lacks.
// A letter's font is looked for once.
type fallback struct {
	mu      sync.Mutex
	files   []string // fonts in the order in which they are asked; nil until the first letter is missing
	open    map[string][]*sfnt.Font
	fonts   map[rune]*sfnt.Font // nil for a letter that no font has
	missing []rune              // in the order in which they were asked for
	warned  bool
	find    func() []string
}

var systemFonts = &fallback{find: fontFiles}

// lookup returns a font that can draw r, or nil.
func (f *fallback) lookup(r rune) *sfnt.Font {
	f.mu.Lock()
	defer f.mu.Unlock()
	if font, known := f.fonts[r]; known {
		return font
	}
	if f.fonts == nil {
		f.fonts, f.open, f.files = map[rune]*sfnt.Font{}, map[string][]*sfnt.Font{}, f.find()
	}
	var found *sfnt.Font
	for _, file := range f.files {
		if found = f.in(file, r); found != nil {
			break
		}
	}
	if f.fonts[r] = found; found == nil {
		f.missing = append(f.missing, r)
	}
	return found
}

// in returns the font of a file that can draw r, nil if there is none. Files
// stay open only if a letter was found in them, because only what is drawn is
// read.
func (f *fallback) in(file string, r rune) *sfnt.Font {
	fonts, isOpen := f.open[file]
	if !isOpen {
		src, err := os.Open(file)
		if err != nil {
			return nil
		}
		fonts = parseFonts(src)
		defer func() {
			if _, used := f.open[file]; !used {
				src.Close()
			}
		}()
	}
	for _, font := range fonts {
		if canDraw(font, r) {
			f.open[file] = fonts
			return font
		}
	}
	return nil
}

// parseFonts returns the fonts of a file, of a collection of the same letters
// for several languages (as Noto's) that for simplified Chinese first. What is
// no font or of a kind that cannot be read gives none.
func parseFonts(src io.ReaderAt) []*sfnt.Font {
	all, err := sfnt.ParseCollectionReaderAt(src)
	if err != nil {
		return nil
	}
	type named struct {
		font *sfnt.Font
		rank int
	}
	var fonts []named
	var buf sfnt.Buffer
	for i := range all.NumFonts() {
		font, err := all.Font(i)
		if err != nil {
			if font, err = sfnt.Parse(aligned(src, i)); err != nil {
				continue
			}
		}
		name, _ := font.Name(&buf, sfnt.NameIDFull)
		rank := 1
		switch {
		case strings.Contains(name, "Mono"):
			rank = 2
		case strings.Contains(name, " SC") || strings.Contains(name, " CN") || strings.Contains(name, "Hans"):
			rank = 0
		}
		fonts = append(fonts, named{font, rank})
	}
	slices.SortStableFunc(fonts, func(a, b named) int { return cmp.Compare(a.rank, b.rank) })
	var out []*sfnt.Font
	for _, n := range fonts {
		out = append(out, n.font)
	}
	return out
}

// aligned returns font i of a file with its tables at multiples of four bytes,
// as the format asks for and WenQuanYi's files do not have them; nil if it is
// no font.
func aligned(src io.ReaderAt, i int) []byte {
	read := func(offset int64, n int) []byte {
		b := make([]byte, n)
		if _, err := src.ReadAt(b, offset); err != nil {
			return nil
		}
		return b
	}
	start := int64(0)
	if tag := read(0, 4); string(tag) == "ttcf" {
		at := read(int64(12+4*i), 4)
		if at == nil {
			return nil
		}
		start = int64(binary.BigEndian.Uint32(at))
	}
	head := read(start, 12)
	if head == nil {
		return nil
	}
	tables := int(binary.BigEndian.Uint16(head[4:]))
	directory := read(start+12, 16*tables)
	if directory == nil {
		return nil
	}
	out := slices.Concat(head, directory)
	for k := range tables {
		entry := out[12+16*k:]
		offset, length := binary.BigEndian.Uint32(entry[8:]), binary.BigEndian.Uint32(entry[12:])
		if length > 64<<20 {
			return nil
		}
		binary.BigEndian.PutUint32(entry[8:], uint32(len(out)))
		table := read(int64(offset), int(length))
		if table == nil {
			return nil
		}
		out = append(out, table...)
		out = append(out, make([]byte, -len(out)&3)...)
	}
	return out
}

// canDraw reports whether the font has an outline for r: those of coloured
// emoji are pictures, which cannot be drawn.
func canDraw(font *sfnt.Font, r rune) bool {
	var buf sfnt.Buffer
	g, err := font.GlyphIndex(&buf, r)
	if err != nil || g == 0 {
		return false
	}
	outline, err := font.LoadGlyph(&buf, g, fixed.I(32), nil)
	return err == nil && len(outline) > 0
}

// warn says once in a program which letters were drawn as boxes, and what
// helps.
func (f *fallback) warn(w io.Writer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.warned || len(f.missing) == 0 {
		return
	}
	f.warned = true
	letters := string(f.missing[:min(len(f.missing), 10)])
	if len(f.missing) > 10 {
		letters += "…"
	}
	fmt.Fprintf(w, "show: no font on this machine has %q: boxes are drawn in place of such letters. Install a font that has them (on Debian and Ubuntu "+
		"fonts-wqy-microhei for Chinese, fonts-symbola for emoji), or give the path of a .ttf, .otf or .ttc file in %s.\n", letters, fontVar)
}

// fontVar names a font file that is asked before all others.
const fontVar = "MLKIT_FONT"

// fontDirs are where the systems keep fonts.
func fontDirs() []string {
	home, _ := os.UserHomeDir()
	switch runtime.GOOS {
	case "windows":
		return []string{filepath.Join(os.Getenv("WINDIR"), "Fonts"), filepath.Join(os.Getenv("LOCALAPPDATA"), "Microsoft", "Windows", "Fonts")}
	case "darwin":
		loaded, _ := filepath.Glob("/System/Library/AssetsV2/com_apple_MobileAsset_Font*")
		return slices.Concat([]string{filepath.Join(home, "Library", "Fonts"), "/Library/Fonts", "/System/Library/Fonts"}, loaded)
	}
	own := cmp.Or(os.Getenv("XDG_DATA_HOME"), filepath.Join(home, ".local", "share"))
	dirs := []string{filepath.Join(own, "fonts"), filepath.Join(home, ".fonts")}
	for _, d := range filepath.SplitList(cmp.Or(os.Getenv("XDG_DATA_DIRS"), "/usr/local/share:/usr/share")) {
		dirs = append(dirs, filepath.Join(d, "fonts"))
	}
	return dirs
}

// preferred are beginnings of the names of sans-serif fonts with many letters,
// best first: where several have a letter, the choice does not depend on what
// else is installed.
var preferred = []string{
	"notosanscjk", "notosanssc", "sourcehansans", "wqy-microhei", "droidsansfallback", "wqy-zenhei", // Linux
	"pingfang", "hiragino sans gb", "stheiti", "arial unicode", // macOS
	"msyh", "simhei", "simsun", "malgun", "meiryo", "msgothic", // Windows
	"dejavusans", "notosans", "freesans", "symbola", "notoemoji", "apple symbols", "seguisym", "seguiemj", "segoeui", // symbols, other scripts
}

// manyFonts is how many files are read in search of a letter that no preferred
// one has.
const manyFonts = 400

// fontFiles lists the font files of this machine in the order in which they are
// asked.
func fontFiles() []string {
	type file struct {
		path string
		rank int
	}
	var files []file
	seen := map[string]bool{}
	for _, dir := range fontDirs() {
		filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || seen[path] {
				return nil // what cannot be read has no fonts for us
			}
			name := strings.ToLower(d.Name())
			switch filepath.Ext(name) {
			case ".ttf", ".otf", ".ttc", ".otc":
				seen[path] = true
				files = append(files, file{path, rankFont(name)})
			}
			return nil
		})
	}
	slices.SortFunc(files,
		func(a, b file) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.path, b.path)) })
	var out []string
	if given := os.Getenv(fontVar); given != "" {
		out = append(out, given)
	}
	for _, f := range files {
		out = append(out, f.path)
	}
	return out[:min(len(out), manyFonts)]
}

// rankFont puts the regular style of a preferred font first, the bold or
// slanted style of an unknown one last.
func rankFont(name string) int {
	rank := len(preferred)
	for i, p := range preferred {
		if strings.HasPrefix(name, p) {
			rank = i
			break
		}
	}
	for _, style := range []string{"bold", "bd.", "black", "heavy", "light", "thin", "medium", "italic", "oblique", "mono", "condensed", "serif", "vf"} {
		if strings.Contains(name, style) {
			return rank + 2*len(preferred)
		}
	}
	return rank
}
