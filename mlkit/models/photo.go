package models

import (
	"fmt"

	"descent/mlkit/tensor"
)

// Photo turns pictures into what a network of ImageNet wants, as torchvision
// does with tensors: Resize of the shorter side, with antialiasing, CenterCrop
// and Normalize.
type Photo struct {
	Size   int // side of the square that is cut out of the middle
	Resize int // what the shorter side becomes first; 0: Size·8/7, ImageNet's 256 for 224
	// Filter is how pictures are scaled; the zero value is bilinear.
	Filter tensor.Filter
	// Mean and Std are subtracted and divided by. Both zero: 0.5 and 0.5, so
	// that 0…1 becomes −1…1, as EfficientNet-Lite has it.
	Mean, Std [3]float32
}

// ImageNetMean and ImageNetStd are those of most of torchvision's networks.
var (
	ImageNetMean = [3]float32{0.485, 0.456, 0.406}
	ImageNetStd  = [3]float32{0.229, 0.224, 0.225}
)

// Forward prepares pictures with values of 0 to 1: [n, 3, h, w] → [n, 3, Size,
// Size].
func (p Photo) Forward(x tensor.Tensor) tensor.Tensor {
	resize := p.Resize
	if resize == 0 {
		resize = p.Size * 8 / 7
	}
	if p.Size < 1 || resize < p.Size {
		panic(fmt.Sprintf("models: Photo: a square of %d pixels from a picture whose shorter side has %d", p.Size, resize))
	}
	if x.Rank() != 4 || x.Dim(1) != 3 || x.Dim(2) < 1 || x.Dim(3) < 1 {
		panic(&tensor.ShapeError{Op: "Photo", Shapes: [][]int{append([]int{}, x.Dims()...)}, Axis: 1, Why: "needs pictures of three channels, [n, 3, h, w]"})
	}
	h, w := x.Dim(2), x.Dim(3)
	if short := min(h, w); short != resize {
		x = x.Resize(resize*h/short, resize*w/short, p.Filter, true)
	}
	top, left := middle(x.Dim(2)-p.Size), middle(x.Dim(3)-p.Size)
	x = x.Slice(2, top, top+p.Size).Slice(3, left, left+p.Size)
	mean, std := p.Mean, p.Std
	if mean == [3]float32{} && std == [3]float32{} {
		mean, std = [3]float32{0.5, 0.5, 0.5}, [3]float32{0.5, 0.5, 0.5}
	}
	t := x.Tape()
	return x.Sub(t.Input(mean[:], 3, 1, 1)).Div(t.Input(std[:], 3, 1, 1))
}

// middle halves what is cut off as Python's round does: to even.
func middle(rest int) int {
	half := rest / 2
	if rest%2 == 1 && half%2 == 1 {
		half++
	}
	return half
}
