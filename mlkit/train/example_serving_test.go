package train_test

import (
	"fmt"
	"image/color"
	"image/png"
	"log"
	"os"
	"slices"

	"descent/mlkit/nn"
	"descent/mlkit/train"
)

// A program that serves a trained model: the network as it was trained, its
// weights from a file, and a Predictor, which any number of goroutines may ask.
func ExampleNewPredictor() {
	model := digitModel()
	check(train.LoadWeights("testdata/digits.safetensors", model))
	seven, err := picture("testdata/seven.png")
	check(err)
	logits, _, err := train.NewPredictor(model).Predict(seven, 1, 1, 28, 28)
	check(err)
	fmt.Println("it is a", slices.Index(logits, slices.Max(logits)))
	// Output:
	// it is a 7
}

// digitModel is the network of testdata/digits.safetensors, 9,226 parameters.
func digitModel() nn.Sequential {
	rng := nn.NewRand(1)
	return nn.Sequential{
		nn.NewConv2D(rng, nn.Conv{In: 1, Out: 8, Kernel: 5, Stride: 2, Padding: 2}), nn.ReLU{},
		nn.NewConv2D(rng, nn.Conv{In: 8, Out: 16, Kernel: 3, Stride: 2, Padding: 1}), nn.ReLU{},
		nn.Flatten{}, nn.NewLinear(rng, 16*7*7, 10),
	}
}

// picture reads a PNG file as floats of 0 to 1.
func picture(path string) ([]float32, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		return nil, err
	}
	var x []float32
	for y := range img.Bounds().Dy() {
		for col := range img.Bounds().Dx() {
			x = append(x, float32(color.GrayModel.Convert(img.At(col, y)).(color.Gray).Y)/255)
		}
	}
	return x, nil
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
