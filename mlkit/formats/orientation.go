package formats

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
)

// Cameras store a picture as the sensor lay and say beside it how to turn it,
// which Go's decoders pass over. Of a fax in a TIFF, golang.org/x/image 0.47
// does not ask which of the two colours is black.

// Tags of TIFF (6.0, 1992), which Exif shares.
const (
	tagCompression = 259
	tagPhotometric = 262
	tagOrientation = 274
)

// upright gives the picture that a decoder made of the file b as it is to be
// seen.
func upright(img image.Image, b []byte, format string) (image.Image, error) {
	if format == "tiff" {
		fax := firstTag(b, tagCompression)
		if gray, ok := img.(*image.Gray); ok && (fax == 3 || fax == 4) && firstTag(b, tagPhotometric) == 1 {
			for i := range gray.Pix {
				gray.Pix[i] = ^gray.Pix[i]
			}
		} else if !ok && (fax == 3 || fax == 4) {
			return nil, errors.New("a fax that is not black and white: save the image as PNG")
		}
	}
	if o := orientation(b, format); o > 1 {
		return turned(img, o), nil
	}
	return img, nil
}

// orientation is how a picture is stored (Exif 2.32, 4.6.4 A): 1 upright, 2
// mirrored, 3 upside down, …, 8. It is 1 where the file says nothing.
func orientation(b []byte, format string) int {
	var o uint16
	switch format {
	case "tiff":
		o = firstTag(b, tagOrientation)
	case "jpeg":
		o = firstTag(jpegExif(b), tagOrientation)
	case "png":
		o = firstTag(chunkOf(b, 8, "eXIf", binary.BigEndian), tagOrientation)
	case "webp":
		o = firstTag(bytes.TrimPrefix(chunkOf(b, 12, "EXIF", le), []byte(exifMark)), tagOrientation)
	}
	if o < 1 || o > 8 { // 0 is written for unknown
		return 1
	}
	return int(o)
}

const exifMark = "Exif\x00\x00"

// jpegExif is what follows Exif's mark in a JPEG, nil if there is none.
func jpegExif(b []byte) []byte {
	for at := 2; at+4 <= len(b) && b[at] == 0xff; {
		marker, size := b[at+1], int(binary.BigEndian.Uint16(b[at+2:]))
		switch {
		case marker == 0xff: // filling
			at++
			continue
		case marker == 0xda || size < 2 || at+2+size > len(b): // the picture itself
			return nil
		}
		if exif, ok := bytes.CutPrefix(b[at+4:at+2+size], []byte(exifMark)); ok && marker == 0xe1 {
			return exif
		}
		at += 2 + size
	}
	return nil
}

// chunkOf is the content of a chunk of PNG, which gives the size, the name, the
// content and a checksum, or of WebP, which gives name, size and content.
func chunkOf(b []byte, at int, name string, order binary.ByteOrder) []byte {
	for at+8 <= len(b) {
		size, is := order.Uint32(b[at:]), string(b[at+4:at+8])
		behind := 4
		if order == binary.LittleEndian {
			size, is = order.Uint32(b[at+4:]), string(b[at:at+4])
			behind = int(size & 1)
		}
		at += 8
		if int64(size) > int64(len(b)-at) {
			return nil
		}
		if is == name {
			return b[at : at+int(size)]
		}
		at += int(size) + behind
	}
	return nil
}

// firstTag is a number of 16 bits in the first directory of a TIFF, 0 if it is
// not there.
func firstTag(b []byte, tag uint16) uint16 {
	if len(b) < 8 {
		return 0
	}
	order := binary.ByteOrder(le)
	if b[0] == 'M' {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 0
	}
	entries := b[at+2:]
	for range order.Uint16(b[at:]) {
		if len(entries) < 12 {
			return 0
		}
		const short = 3
		if order.Uint16(entries) == tag && order.Uint16(entries[2:]) == short {
			return order.Uint16(entries[8:])
		}
		entries = entries[12:]
	}
	return 0
}

// turned gives the picture upright of one that is stored as o says, 2 to 8.
func turned(img image.Image, o int) image.Image {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	size := image.Rect(0, 0, w, h)
	if o > 4 {
		size = image.Rect(0, 0, h, w)
	}
	out := image.NewRGBA(size)
	for y := range size.Dy() {
		for x := range size.Dx() {
			from := [...][2]int{2: {w - 1 - x, y}, {w - 1 - x, h - 1 - y}, {x, h - 1 - y},
				{y, x}, {y, h - 1 - x}, {w - 1 - y, h - 1 - x}, {w - 1 - y, x}}[o]
			out.Set(x, y, img.At(b.Min.X+from[0], b.Min.Y+from[1]))
		}
	}
	return out
}

// checkUpright refuses a picture with boxes that may be meant as it is stored
// or as it is to be seen.
func checkUpright(b []byte) error {
	_, format, err := image.DecodeConfig(bytes.NewReader(b))
	if o := orientation(b, format); err == nil && o > 1 {
		return fmt.Errorf("the picture is stored turned (Exif orientation %d), and programs differ in whether boxes mean it so: save it upright, for example with ImageMagick's mogrify -auto-orient, and check its boxes", o)
	}
	return nil
}
