package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/pprof"
	"strings"
	"time"

	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

type model struct {
	Emb *nn.Embedding
	Bag *nn.EmbeddingBag
	Out *nn.Linear
}

func main() {
	v := flag.Int("v", 50000, "")
	d := flag.Int("d", 64, "")
	b := flag.Int("b", 64, "")
	w := flag.Int("w", 100, "")
	rule := flag.String("o", "sgd", "")
	bag := flag.Bool("bag", true, "")
	secs := flag.Float64("s", 2, "")
	prof := flag.String("prof", "", "")
	flag.Parse()
	rng := rand.New(rand.NewPCG(1, 2))
	m := &model{Out: nn.NewLinear(rng, *d, 20)}
	if *bag {
		m.Bag = nn.NewEmbeddingBag(rng, *v, *d)
	} else {
		m.Emb = nn.NewEmbedding(rng, *v, *d)
	}
	rules := map[string]optim.Rule{"sgd": optim.SGD(0.1), "adagrad": optim.AdaGrad(0.01), "adam": optim.Adam(0.001), "lazy": optim.LazyAdam(0.001)}
	opt := optim.New(nn.Params(m), rules[*rule])
	tape := tensor.NewTape(1)
	const nb = 16
	var ids, lab [nb][]int32
	for k := range nb {
		ids[k], lab[k] = make([]int32, *b**w), make([]int32, *b)
		for i := range ids[k] {
			u := rng.Float64()
			ids[k][i] = int32(u * u * float64(*v))
		}
		for i := range lab[k] {
			lab[k][i] = int32(rng.IntN(20))
		}
	}
	step := func(k int) float32 {
		tape.Reset()
		x := tensor.NewInts(ids[k%nb], *b, *w)
		var h tensor.Tensor
		if *bag {
			h = m.Bag.ForwardTokens(tape, x)
		} else {
			h = m.Emb.ForwardTokens(tape, x).Mean(1)
		}
		l := m.Out.Forward(h).SoftmaxCrossEntropy(tensor.NewInts(lab[k%nb])).Mean()
		opt.Step(l.Backward())
		return l.Item()
	}
	for k := range 20 {
		step(k)
	}
	if *prof != "" {
		f, _ := os.Create(*prof)
		pprof.StartCPUProfile(f)
		defer pprof.StopCPUProfile()
	}
	best := 1e9
	for t0 := time.Now(); time.Since(t0).Seconds() < *secs; {
		a := time.Now()
		for k := range nb {
			step(k)
		}
		best = min(best, time.Since(a).Seconds()/nb)
	}
	fmt.Printf("%s v%d d%d b%d w%d bag=%v: %.1f us\n", strings.ToUpper(*rule), *v, *d, *b, *w, *bag, best*1e6)
}
