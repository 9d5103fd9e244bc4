//go:build unix

// Package chart draws the flow charts of the book with Mermaid in a browser. A
// code host shows a chart's text in a notebook as text, so the pictures are
// committed, beside the texts that they are made from.
package chart

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"net/url"
	"os"
	"path/filepath"

	"descent/notebooks/internal/browser"

	"codeberg.org/go-fonts/liberation/liberationsansregular"
)

const (
	// Width is that of every picture, in CSS pixels: one that the browser
	// shrinks to the width of the page, or does not, has letters of the size of
	// the next one's.
	Width = 880
	// density is the number of pixels to a CSS pixel.
	density = 2
	border  = 8
)

// page loads the font of the book's figures and Mermaid, which are filled in.
const page = `<!doctype html><meta charset="utf-8"><style>
@font-face { font-family: Chart; src: url(data:font/ttf;base64,%s) }
body { margin: 0; background: #fff }
</style><script src=%q></script>`

// drawing draws the chart whose text is filled in and returns its size. The
// font has to be there before, because Mermaid measures words with it.
const drawing = `
	await document.fonts.load("14px Chart");
	mermaid.initialize({
		startOnLoad: false, securityLevel: "strict", theme: "base", flowchart: { useMaxWidth: true, nodeSpacing: 30, rankSpacing: 36, padding: 10, wrappingWidth: 260 },
		themeVariables: { fontFamily: "Chart, sans-serif", fontSize: "14px", primaryColor: "#e5f1f8", primaryBorderColor: "#0072b2",
			primaryTextColor: "#222", lineColor: "#555", edgeLabelBackground: "#fff", tertiaryColor: "#fff" },
	});
	const { svg } = await mermaid.render("chart", %s);
	document.body.innerHTML = svg;
	const drawn = document.querySelector("#chart");
	const box = drawn.viewBox.baseVal, shrunk = Math.min(1, %d / box.width);
	const size = { width: Math.ceil(box.width * shrunk), height: Math.ceil(box.height * shrunk), shrunk };
	drawn.style.cssText = "display: block; max-width: none; width: " + size.width + "px; height: " + size.height + "px";
	return size;
`

// smallest is how far a chart may be shrunk to fit the page and still be read.
const smallest = 0.7

// Draw draws charts, by name, each from its text. mermaid is the file with
// mermaid.js, folder an empty one for the browser.
func Draw(ctx context.Context, chromium, mermaid, folder string, texts map[string]string) (map[string][]byte, error) {
	start := filepath.Join(folder, "chart.html")
	script := url.URL{Scheme: "file", Path: mermaid}
	if err := os.WriteFile(start, fmt.Appendf(nil, page, base64.StdEncoding.EncodeToString(liberationsansregular.TTF), script.String()), 0o644); err != nil {
		return nil, err
	}
	address := url.URL{Scheme: "file", Path: start}
	p, err := browser.Open(ctx, chromium, filepath.Join(folder, "profile"), address.String(), Width, 1200)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	if err := p.Loaded(ctx); err != nil {
		return nil, err
	}
	pictures := map[string][]byte{}
	for name, text := range texts {
		if pictures[name], err = one(ctx, p, text); err != nil {
			return nil, fmt.Errorf("chart %s: %w", name, err)
		}
	}
	return pictures, nil
}

func one(ctx context.Context, p *browser.Page, text string) ([]byte, error) {
	quoted, err := json.Marshal(text)
	if err != nil {
		return nil, err
	}
	var size struct {
		Width, Height int
		Shrunk        float64
	}
	if err := p.Eval(ctx, fmt.Sprintf(drawing, quoted, Width-2*border), &size); err != nil {
		return nil, err
	}
	if size.Shrunk < smallest {
		return nil, fmt.Errorf("it is too wide: to fit a page of %d pixels it would be shrunk to %.0f %%; let it run from top to bottom (graph TD), or break its labels with <br/>", Width, 100*size.Shrunk)
	}
	shot, err := p.Part(ctx, size.Width, size.Height, density)
	if err != nil {
		return nil, err
	}
	return framed(shot)
}

// framed puts the picture into the middle of a white one of the common width.
func framed(shot []byte) ([]byte, error) {
	chart, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		return nil, err
	}
	size := chart.Bounds().Size()
	whole := image.NewRGBA(image.Rect(0, 0, density*Width, size.Y+2*density*border))
	draw.Draw(whole, whole.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	corner := image.Pt((whole.Bounds().Dx()-size.X)/2, density*border)
	draw.Draw(whole, image.Rectangle{Min: corner, Max: corner.Add(size)}, chart, chart.Bounds().Min, draw.Over)
	var b bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, whole)
	return b.Bytes(), err
}
