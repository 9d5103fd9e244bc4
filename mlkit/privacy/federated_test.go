package privacy_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/privacy"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

func clients(set data.Dataset, parts [][]int) (all []data.Dataset) {
	for _, p := range parts {
		all = append(all, data.Subset(set, p))
	}
	return all
}

func smallNet() train.Objective[data.Batch] {
	r := nn.NewRand(7)
	return train.Supervised(nn.Sequential{nn.NewLinear(r, 6, 8), nn.Func(tensor.Tensor.Tanh), nn.NewLinear(r, 8, 4)}, nn.CrossEntropy)
}

// One full-batch step of all clients, weighed by their sizes, is a step on all
// of their data together; masks change it by rounding only.
func TestFederatedStepIsACommonStep(t *testing.T) {
	set := rows(40, 6)
	f := privacy.Federated{Clients: clients(set, [][]int{{0, 1, 2, 3, 4}, {5, 6, 7, 8, 9, 10, 11, 12, 13, 14}, {15, 16, 17}}), Fraction: 1, BatchSize: 40, Optimizer: optim.SGD(0.5)}
	var all []int
	for i := range 18 {
		all = append(all, i)
	}
	whole := smallNet()
	if _, err := train.Fit(context.Background(), whole, &data.Loader{Dataset: data.Subset(set, all)}, train.Config{Optimizer: optim.SGD(0.5)}); err != nil {
		t.Fatal(err)
	}
	want := weights(whole.Model)
	for _, secure := range []bool{false, true} {
		f.Secure = secure
		var got [][]float32
		if err := f.Train(context.Background(), smallNet, 1, func(round int, o train.Objective[data.Batch]) error {
			got = weights(o.Model)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for k := range want {
			for i, v := range want[k] {
				if math.Abs(float64(got[k][i]-v)) > 1e-6 {
					t.Fatalf("secure %v: parameter %d, element %d: %v, together %v", secure, k, i, got[k][i], v)
				}
			}
		}
	}
}

func TestFederatedIsTheSameOnAnyNumberOfProcessors(t *testing.T) {
	set := rows(40, 6)
	run := func(procs int) [][]float32 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		var got [][]float32
		f := privacy.Federated{Clients: clients(set, privacy.DealEvenly(40, 8, 1)), Fraction: 0.5, Epochs: 2, BatchSize: 2, Seed: 3}
		if err := f.Train(context.Background(), smallNet, 5, func(round int, o train.Objective[data.Batch]) error {
			got = weights(o.Model)
			if round == 3 {
				return train.ErrStop
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return got
	}
	a, b := run(1), run(3)
	for k := range a {
		if !slices.Equal(a[k], b[k]) {
			t.Fatal("the model depends on the number of processors")
		}
	}
}

// Rounds that are Done are not run again, and the others have the bits of a
// training in one piece.
func TestFederatedGoesOn(t *testing.T) {
	set := rows(40, 6)
	var kept [][]float32 // after round 2
	run := func(done int) (rounds []int, last [][]float32) {
		f := privacy.Federated{Clients: clients(set, privacy.DealEvenly(40, 8, 1)), Fraction: 0.5, BatchSize: 2, Seed: 3, Done: done}
		if err := f.Train(context.Background(), func() train.Objective[data.Batch] {
			o := smallNet()
			for k, p := range nn.Params(o.Model) {
				if done > 0 {
					copy(p.Data, kept[k])
				}
			}
			return o
		}, 4, func(round int, o train.Objective[data.Batch]) error {
			rounds, last = append(rounds, round), weights(o.Model)
			if done == 0 && round == 2 {
				kept = last
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return rounds, last
	}
	_, whole := run(0)
	rounds, rest := run(2)
	if !slices.Equal(rounds, []int{3, 4}) {
		t.Error("after 2 rounds of 4 come", rounds)
	}
	for k := range whole {
		if !slices.Equal(whole[k], rest[k]) {
			t.Fatal("a training that goes on has other weights")
		}
	}
}

// private is a client's data, which only its rank may read.
type private struct {
	data.Dataset
	t         *testing.T
	own, fail bool
}

func (p private) Batch(index []int, b *data.Batch) error {
	if !p.own {
		p.t.Error("a rank reads the data of another one's client")
	}
	if p.fail {
		return errors.New("sample lost")
	}
	return p.Dataset.Batch(index, b)
}

// overRanks runs a federated training on so many ranks, and returns the weights
// and the error of each.
func overRanks(t *testing.T, ranks int, change func(f *privacy.Federated, rank int), after func(rank, round int) error) (models [][][]float32, errs []error) {
	models, errs = make([][][]float32, ranks), make([]error, ranks)
	var wg sync.WaitGroup
	for r, g := range train.LocalGroup(ranks) {
		wg.Go(func() {
			parts := privacy.DealEvenly(40, 8, 1)
			for k := range parts {
				parts[k] = parts[k][:5-k%3]
			}
			all := clients(rows(40, 6), parts)
			for k := range all {
				all[k] = private{all[k], t, k%ranks == r, false}
			}
			f := privacy.Federated{Clients: all, Fraction: 0.6, Epochs: 2, BatchSize: 2, Seed: 3, Group: g}
			change(&f, r)
			errs[r] = f.Train(context.Background(), smallNet, 4, func(round int, o train.Objective[data.Batch]) error {
				models[r] = weights(o.Model)
				return after(r, round)
			})
		})
	}
	wg.Wait()
	return models, errs
}

// TestFederatedRanksHaveTheSameBits: any number of ranks, some of them without
// a client in a round, trains to what one process does.
func TestFederatedRanksHaveTheSameBits(t *testing.T) {
	for _, secure := range []bool{false, true} {
		none := func(rank, round int) error { return nil }
		want, _ := overRanks(t, 1, func(f *privacy.Federated, _ int) { f.Group, f.Secure = nil, secure }, none)
		for _, ranks := range []int{1, 2, 3, 8} {
			got, errs := overRanks(t, ranks, func(f *privacy.Federated, _ int) { f.Secure = secure }, none)
			for r := range ranks {
				if errs[r] != nil {
					t.Fatal(errs[r])
				}
				for k := range want[0] {
					if !slices.Equal(got[r][k], want[0][k]) {
						t.Errorf("secure %v: rank %d of %d has other weights than one process", secure, r, ranks)
						break
					}
				}
			}
		}
	}
}

// TestFederatedRanksEndTogether: what ends one rank ends all.
func TestFederatedRanksEndTogether(t *testing.T) {
	for want, change := range map[string]func(f *privacy.Federated, rank int){
		"sample lost": func(f *privacy.Federated, r int) {
			if r == 1 {
				f.Clients[1] = private{f.Clients[1], t, true, true}
				f.Clients[4] = private{f.Clients[4], t, true, true}
				f.Clients[7] = private{f.Clients[7], t, true, true}
			}
		},
		"rank 1 was started with a Seed other":        func(f *privacy.Federated, r int) { f.Seed = uint64(r) },
		"rank 1 was started with an Optimizer other":  func(f *privacy.Federated, r int) { f.Optimizer = optim.SGD(0.1 + float64(r)) },
		"rank 2 was started with numbers of the":      func(f *privacy.Federated, r int) { f.Clients = f.Clients[r/2:] },
		"privacy: Federated.Fraction is 7, must be a": func(f *privacy.Federated, r int) { f.Fraction = float64(1 + 6*(r%2)) },
	} {
		_, errs := overRanks(t, 3, change, func(rank, round int) error { return nil })
		for r, err := range errs {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("rank %d: %v, want %q", r, err, want)
			}
		}
	}
	rounds := make([]int, 3)
	_, errs := overRanks(t, 3, func(*privacy.Federated, int) {}, func(rank, round int) error {
		rounds[rank] = round
		if rank == 1 && round == 2 {
			return train.ErrStop
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil || !slices.Equal(rounds, []int{2, 2, 2}) {
		t.Errorf("stopped after rounds %v, error %v", rounds, err)
	}
}

func TestFederatedErrors(t *testing.T) {
	set := rows(4, 6)
	own := errors.New("mine")
	none := func(int, train.Objective[data.Batch]) error { return own }
	for name, f := range map[string]privacy.Federated{
		"no clients":      {},
		"an empty client": {Clients: clients(set, [][]int{{0}, {}})},
		"fraction":        {Clients: clients(set, [][]int{{0}}), Fraction: 2},
		"done":            {Clients: clients(set, [][]int{{0}}), Done: -1},
		"secure alone":    {Clients: clients(set, [][]int{{0}}), Secure: true},
		"after":           {Clients: clients(set, [][]int{{0}})},
	} {
		if err := f.Train(context.Background(), smallNet, 1, none); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	f := privacy.Federated{Clients: clients(set, [][]int{{0}})}
	if err := f.Train(context.Background(), func() train.Objective[data.Batch] {
		return train.Supervised(nn.Sequential{nn.NewLinear(nn.NewRand(1), 6, 4), nn.NewBatchNorm(4)}, nn.CrossEntropy)
	}, 1, nil); err == nil {
		t.Error("batch normalisation is no error")
	}
}

func TestDeals(t *testing.T) {
	labels := make([]int32, 100)
	for i := range labels {
		labels[i] = int32(i * 7 % 10)
	}
	for name, parts := range map[string][][]int{"evenly": privacy.DealEvenly(100, 10, 1), "by label": privacy.DealByLabel(labels, 10, 2, 1)} {
		var all []int
		for _, p := range parts {
			if len(p) != 10 {
				t.Errorf("%s: %d samples", name, len(p))
			}
			all = append(all, p...)
			kinds := map[int32]bool{}
			for _, i := range p {
				kinds[labels[i]] = true
			}
			if name == "by label" && len(kinds) > 2 {
				t.Errorf("a client has %d labels", len(kinds))
			}
		}
		slices.Sort(all)
		for i, v := range all {
			if i != v {
				t.Fatalf("%s: samples %v", name, all)
			}
		}
	}
}

// Masks cancel in the sum, and one masked vector looks like noise.
func TestSecureSum(t *testing.T) {
	const n = 4
	var parties []*privacy.Party
	var publics [][]byte
	for range n {
		p, err := privacy.NewParty()
		if err != nil {
			t.Fatal(err)
		}
		parties, publics = append(parties, p), append(publics, p.Public())
	}
	x := [][]float64{{1, -2.5, 1e-9}, {0.25, 3, 0}, {-7, 100000, 0}, {0, 0, 0}}
	var masked [][]uint64
	for i, p := range parties {
		m, err := p.Masked(x[i], publics, 5)
		if err != nil {
			t.Fatal(err)
		}
		masked = append(masked, m)
	}
	for i, v := range privacy.Unmasked(masked...) {
		want := x[0][i] + x[1][i] + x[2][i] + x[3][i]
		if math.Abs(v-want) > 4*0x1p-41 {
			t.Errorf("sum %d is %v, want %v", i, v, want)
		}
	}
	zero, _ := parties[3].Masked(make([]float64, 4000), publics, 6)
	again, _ := parties[3].Masked(make([]float64, 4000), publics, 7)
	ones := 0
	for i, v := range zero {
		for b := range 64 {
			ones += int(v >> b & 1)
		}
		if v == again[i] {
			t.Fatal("two rounds have the same mask")
		}
	}
	if mean := float64(ones) / (4000 * 64); math.Abs(mean-0.5) > 5*0.5/math.Sqrt(4000*64) {
		t.Errorf("a share of %v of a mask's bits is set", mean)
	}
	for name, err := range map[string]error{
		"NaN":         second(parties[0].Masked([]float64{math.NaN()}, publics, 0)),
		"too large":   second(parties[0].Masked([]float64{1 << 20}, publics, 0)),
		"alone":       second(parties[0].Masked([]float64{1}, publics[:1], 0)),
		"without own": second(parties[0].Masked([]float64{1}, publics[1:], 0)),
		"no key":      second(parties[0].Masked([]float64{1}, [][]byte{publics[0], {1, 2}}, 0)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }
