package show

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"html"
	"math"
	"os"

	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// HTML displays a fragment of HTML. text is what a reader without HTML sees; it
// must not be empty.
func HTML(fragment, text string) {
	send(bundle{name: text, data: map[protocol.MIMEType]any{protocol.MIMETextHTML: fragment,
		protocol.MIMETextPlain: text}}, "")
}

// Markdown displays Markdown, in which $…$ and $$…$$ are LaTeX formulas.
func Markdown(text string) {
	send(bundle{name: "text", data: map[protocol.MIMEType]any{protocol.MIMETextMarkdown: text,
		protocol.MIMETextPlain: text}}, "")
}

// Math displays one LaTeX formula on a line of its own. Leave out the dollar
// signs.
func Math(latex string) { Markdown("$$" + latex + "$$") }

// Audio displays a player for the samples, at rate samples per second. Samples
// outside [−1, 1] are clipped.
func Audio(title string, samples []float32, rate int) {
	wav, err := WAV(samples, rate)
	if err != nil {
		err = fmt.Errorf("show: %q cannot be played: %w", title, err)
		fmt.Fprintln(os.Stderr, err)
		HTML("<p>"+html.EscapeString(err.Error())+"</p>", err.Error())
		return
	}
	text := fmt.Sprintf("%s: sound of %.2f seconds", title, float64(len(samples))/float64(rate))
	HTML(fmt.Sprintf(`<figure style="margin:0"><figcaption>%s</figcaption><audio controls preload="metadata" aria-label="%s" src="data:audio/wav;base64,%s"></audio></figure>`,
		html.EscapeString(title), html.EscapeString(text), base64.StdEncoding.EncodeToString(wav)), text)
}

// WAV encodes the samples as a WAV file of 16-bit linear PCM with one channel
// (RIFF/WAVE, Microsoft and IBM, 1991). Samples outside [−1, 1] are clipped,
// and NaN becomes 0.
func WAV(samples []float32, rate int) ([]byte, error) {
	if rate <= 0 || len(samples) == 0 {
		return nil, fmt.Errorf("%d samples at %d per second", len(samples), rate)
	}
	n := 2 * len(samples)
	b := make([]byte, 0, 44+n)
	u16 := func(v int) { b = binary.LittleEndian.AppendUint16(b, uint16(v)) }
	u32 := func(v int) { b = binary.LittleEndian.AppendUint32(b, uint32(v)) }
	b = append(b, "RIFF"...)
	u32(36 + n)
	b = append(b, "WAVEfmt "...)
	u32(16) // size of this part
	u16(1)  // linear PCM
	u16(1)  // channels
	u32(rate)
	u32(2 * rate) // bytes per second
	u16(2)        // bytes per sample
	u16(16)       // bits per sample
	b = append(b, "data"...)
	u32(n)
	for _, v := range samples {
		f := float64(v)
		if math.IsNaN(f) {
			f = 0
		}
		u16(int(math.Round(32767 * math.Min(math.Max(f, -1), 1))))
	}
	return b, nil
}
