package privacy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// Federated trains one model on the data of many clients, which stay with them
// (federated averaging; McMahan et al. 2017). In every round some clients get
// the model, train it on what they have, and send their weights; the mean of
// these, weighed by numbers of samples, is the next model. Clients are trained
// on as many processors as there are and, with a Group, by as many processes;
// the result is the same bits on any number.
//
// Data that stay are not private: weights tell about them, which [Party] hides
// from the server, and [SGD] from everyone.
type Federated struct {
	// Clients are the clients' data.
	Clients []data.Dataset
	// Fraction of the clients that take part in a round, one at least; 0 means
	// 0.1.
	Fraction float64
	// Epochs and BatchSize of a client's training; 0 means 1 and 10.
	Epochs, BatchSize int
	// Optimizer of the clients, which begins anew with each; nil means
	// optim.SGD(0.1).
	Optimizer optim.Rule
	Seed      uint64
	// Done rounds are left out, because a training that was interrupted had
	// finished them: build then makes the model as it was after them, and the
	// result is that of a training without interruption.
	Done int
	// Secure adds up masked weights (see Party), of which the server learns
	// nothing but their sum.
	Secure bool
	// Group deals the clients out to ranks, which run the same program (package
	// mpi, or train.LocalGroup): client k, counted from 0, belongs to rank k
	// mod Ranks. No other rank reads its samples, but all ask for their number;
	// its weights, or with Secure masked sums, are all that is exchanged.
	Group train.Group
}

// Train runs rounds, less those Done, on the model of the objective that build
// makes, one for each processor, all alike. after, unless nil, is called after
// every round, counted from 1, with the first of them, which is the
// common one; train.ErrStop ends the training without an error. With a Group it
// is called on every rank, and what ends one ends all.
func (f *Federated) Train(ctx context.Context, build func() train.Objective[data.Batch], rounds int,
	after func(round int, o train.Objective[data.Batch]) error) error {
	err := f.train(ctx, build, rounds, after)
	if err != nil && f.Group != nil {
		return f.Group.Fail(err)
	}
	return err
}

func (f *Federated) train(ctx context.Context, build func() train.Objective[data.Batch], rounds int,
	after func(round int, o train.Objective[data.Batch]) error) error {
	switch {
	case len(f.Clients) == 0:
		return errors.New("privacy: Federated has no Clients")
	case !(f.Fraction >= 0 && f.Fraction <= 1):
		return fmt.Errorf("privacy: Federated.Fraction is %v, must be a share", f.Fraction)
	case f.Epochs < 0 || f.BatchSize < 0:
		return fmt.Errorf("privacy: Federated of %d epochs in batches of %d", f.Epochs, f.BatchSize)
	case f.Done < 0:
		return fmt.Errorf("privacy: Federated.Done is %d rounds", f.Done)
	}
	for k, c := range f.Clients {
		if c.Len() == 0 {
			return fmt.Errorf("privacy: client %d has no data", k)
		}
	}
	fraction := f.Fraction
	if fraction == 0 {
		fraction = 0.1
	}
	chosen := max(1, int(fraction*float64(len(f.Clients))+0.5))
	global := build()
	for _, n := range nn.State(global.Model) {
		if n.Buffer != nil {
			return fmt.Errorf("privacy: Federated averages parameters, and %q is a statistic of batches: use GroupNorm or LayerNorm", n.Name)
		}
	}
	workers := make([]train.Objective[data.Batch], min(chosen, runtime.GOMAXPROCS(0)))
	for i := range workers {
		workers[i] = build()
	}
	params := nn.Params(global.Model)
	sent := make([][]float32, chosen)
	if err := f.alike(params, rounds, fraction); err != nil {
		return err
	}
	for round := f.Done; round < rounds; round++ {
		random := rand.New(rand.NewPCG(f.Seed, uint64(round)))
		who := random.Perm(len(f.Clients))[:chosen]
		start := flat(nil, params)
		errs := make([]error, len(workers))
		var group sync.WaitGroup
		for w := range workers {
			group.Go(func() {
				for n, k := 0, 0; k < chosen && errs[w] == nil; k++ {
					if !f.mine(who[k]) {
						continue
					}
					if n%len(workers) == w {
						sent[k], errs[w] = f.client(ctx, workers[w], who[k], round, start, sent[k])
					}
					n++
				}
			})
		}
		group.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		if err := f.average(params, who, sent); err != nil {
			return err
		}
		var stop error
		if after != nil {
			stop = after(round+1, global)
		}
		if stop != nil && !errors.Is(stop, train.ErrStop) {
			return stop
		}
		if stopped, err := f.anyStops(stop != nil); stopped || err != nil {
			return err
		}
	}
	return nil
}

// client trains on one client's data from start, and returns its weights.
func (f *Federated) client(ctx context.Context, o train.Objective[data.Batch], k, round int,
	start, memory []float32) ([]float32, error) {
	params := nn.Params(o.Model)
	spread(params, start)
	size := f.BatchSize
	if size == 0 {
		size = 10
	}
	seed := f.Seed ^ uint64(round)<<32 ^ uint64(k)<<1
	loader := &data.Loader{Dataset: f.Clients[k], BatchSize: size, Shuffle: true, Seed: seed}
	if _, err := train.Fit(ctx, o, loader, train.Config{Epochs: f.Epochs, Optimizer: f.rule(),
		Seed: seed}); err != nil {
		return nil, fmt.Errorf("privacy: client %d in round %d: %w", k, round, err)
	}
	return flat(memory[:0], params), nil
}

func (f *Federated) rule() optim.Rule {
	if f.Optimizer == nil {
		return optim.SGD(0.1)
	}
	return f.Optimizer
}

// average makes params the mean of what was sent.
func (f *Federated) average(params []*tensor.Param, who []int, sent [][]float32) error {
	total := 0.0
	for _, k := range who {
		total += float64(f.Clients[k].Len())
	}
	share := func(sent []float32, client int) []float64 {
		x := make([]float64, len(sent))
		for j, v := range sent {
			x[j] = float64(v) * float64(f.Clients[client].Len()) / total
		}
		return x
	}
	size := 0
	for _, p := range params {
		size += p.Size()
	}
	sum := make([]float64, size)
	if f.Secure {
		var err error
		if sum, err = f.secureSum(who, size, func(i int) []float64 { return share(sent[i], who[i]) }); err != nil {
			return err
		}
	} else {
		others := make([]float32, size)
		for i, k := range who { // in one order, wherever they are
			x := others
			if f.mine(k) {
				x = sent[i]
			}
			if err := f.broadcast(x, k); err != nil {
				return err
			}
			for j, v := range share(x, k) {
				sum[j] += v
			}
		}
	}
	mean := make([]float32, len(sum))
	for j, v := range sum {
		mean[j] = float32(v)
	}
	spread(params, mean)
	return nil
}

// flat appends all parameters to x.
func flat(x []float32, params []*tensor.Param) []float32 {
	for _, p := range params {
		x = append(x, p.Data...)
	}
	return x
}

func spread(params []*tensor.Param, x []float32) {
	for _, p := range params {
		n := copy(p.Data, x)
		x = x[n:]
	}
}

// DealEvenly deals n samples to clients at random, each as many as the others:
// what McMahan et al. call IID.
func DealEvenly(n, clients int, seed uint64) [][]int {
	order := rand.New(rand.NewPCG(seed, 0)).Perm(n)
	parts := make([][]int, clients)
	for k := range parts {
		parts[k] = order[n*k/clients : n*(k+1)/clients]
	}
	return parts
}

// DealByLabel sorts samples by label, cuts them into shards of one size and
// deals each client some of these, so that it has that many labels, or one
// more: with 2 shards the pathological split of McMahan et al. 2017.
func DealByLabel(labels []int32, clients, shards int, seed uint64) [][]int {
	order := make([]int, len(labels))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return int(labels[i] - labels[j]) })
	deal := rand.New(rand.NewPCG(seed, 0)).Perm(clients * shards)
	parts := make([][]int, clients)
	n := len(order)
	for k, s := range deal {
		c := k / shards
		parts[c] = append(parts[c], order[n*s/len(deal):n*(s+1)/len(deal)]...)
	}
	return parts
}
