package privacy

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// What the ranks of Federated.Group do together.

// owner is the rank of a client, and mine whether that is this one.
func (f *Federated) owner(client int) int {
	if f.Group == nil {
		return 0
	}
	return client % f.Group.Ranks()
}

func (f *Federated) mine(client int) bool {
	return f.Group == nil || f.owner(client) == f.Group.Rank()
}

// alike finds out whether all ranks begin the same training.
func (f *Federated) alike(params []*tensor.Param, rounds int, fraction float64) error {
	if f.Group == nil {
		return nil
	}
	weights, sizes := crc32.NewIEEE(), crc32.NewIEEE()
	for _, p := range params {
		fmt.Fprintln(weights, p.Dims())
		for _, v := range p.Data {
			b := math.Float32bits(v)
			weights.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24)})
		}
	}
	for _, c := range f.Clients {
		fmt.Fprintln(sizes, c.Len())
	}
	secure := uint64(0)
	if f.Secure {
		secure = 1
	}
	rule := crc32.ChecksumIEEE(fmt.Append(nil, optim.New(params, f.rule())))
	settings := []struct {
		name string
		bits uint64
	}{
		{"initial weights", uint64(weights.Sum32())}, {"numbers of the clients' samples", uint64(sizes.Sum32())},
		{"a number of rounds", uint64(rounds)}, {"an Optimizer", uint64(rule)}, {"a Fraction", math.Float64bits(fraction)},
		{"Epochs", uint64(f.Epochs)}, {"a BatchSize", uint64(f.BatchSize)}, {"a Seed", f.Seed}, {"a Secure", secure},
		{"a number of rounds Done", uint64(f.Done)},
	}
	var mine []uint64
	for _, s := range settings {
		mine = append(mine, s.bits)
	}
	all, err := f.gather(mine)
	if err != nil {
		return err
	}
	for i, v := range all {
		if k := i % len(mine); v != all[k] {
			return fmt.Errorf("privacy: rank %d was started with %s other than rank 0's", i/len(mine), settings[k].name)
		}
	}
	return nil
}

// anyStops reports whether some rank stops.
func (f *Federated) anyStops(stop bool) (bool, error) {
	if f.Group == nil {
		return stop, nil
	}
	mine := []uint64{0}
	if stop {
		mine[0] = 1
	}
	all, err := f.gather(mine)
	for _, v := range all {
		stop = stop || v != 0
	}
	return stop, err
}

// gather collects numbers of all ranks, by rank.
func (f *Federated) gather(mine []uint64) ([]uint64, error) {
	src, dst := make([]float32, 2*len(mine)), make([]float32, 2*len(mine)*f.Group.Ranks())
	for i, v := range mine {
		src[2*i], src[2*i+1] = math.Float32frombits(uint32(v)), math.Float32frombits(uint32(v>>32))
	}
	if err := f.Group.AllGather(dst, src).Wait(); err != nil {
		return nil, err
	}
	all := make([]uint64, len(dst)/2)
	for i := range all {
		all[i] = uint64(math.Float32bits(dst[2*i])) | uint64(math.Float32bits(dst[2*i+1]))<<32
	}
	return all, nil
}

// broadcast makes x that of the rank of a client.
func (f *Federated) broadcast(x []float32, client int) error {
	if f.Group == nil {
		return nil
	}
	return f.Group.Broadcast(x, f.owner(client)).Wait()
}

// secureSum adds the vectors of the clients, each of them a party on its rank,
// as they would by way of a server: ranks exchange public keys and sums of
// masked vectors.
func (f *Federated) secureSum(who []int, size int, vector func(i int) []float64) ([]float64, error) {
	if len(who) < 2 {
		return nil, fmt.Errorf("privacy: a secure sum of %d parties would be the secret itself", len(who))
	}
	parties, publics := make([]*Party, len(who)), make([][]byte, len(who))
	for i, k := range who {
		if !f.mine(k) {
			continue
		}
		var err error
		if parties[i], err = NewParty(); err != nil {
			return nil, err
		}
		publics[i] = parties[i].Public()
	}
	if err := f.publish(who, publics); err != nil {
		return nil, err
	}
	sum := make([]uint64, size)
	for i, p := range parties {
		if p == nil {
			continue
		}
		masked, err := p.Masked(vector(i), publics, 0)
		if err != nil {
			return nil, err
		}
		addMasked(sum, masked)
	}
	if f.Group != nil {
		all, err := f.gather(sum)
		if err != nil {
			return nil, err
		}
		clear(sum)
		for len(all) > 0 {
			addMasked(sum, all[:size])
			all = all[size:]
		}
	}
	return Unmasked(sum), nil
}

// publish gives every rank the public keys of all parties.
func (f *Federated) publish(who []int, publics [][]byte) error {
	if f.Group == nil {
		return nil
	}
	const words = 32 / 4 // of an X25519 key
	var x [words]float32
	for i, k := range who {
		if publics[i] == nil {
			publics[i] = make([]byte, 4*words)
		}
		for j := range x {
			x[j] = math.Float32frombits(binary.LittleEndian.Uint32(publics[i][4*j:]))
		}
		if err := f.broadcast(x[:], k); err != nil {
			return err
		}
		for j, v := range x {
			binary.LittleEndian.PutUint32(publics[i][4*j:], math.Float32bits(v))
		}
	}
	return nil
}
