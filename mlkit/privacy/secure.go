package privacy

import (
	"bytes"
	"crypto/ecdh"
	cryptorand "crypto/rand"
	"crypto/sha256"
	"fmt"
	"math"
)

// A Party of a secure sum adds masks to its numbers that hide them, and that
// cancel when all parties' are added (Bonawitz et al. 2017): each pair of
// parties agrees on a key (X25519), of whose stream of numbers the one adds and
// the other subtracts. The server, which sees all masked vectors, learns their
// sum and no more, unless it conspires with all other parties but one.
//
// The sum needs every party: the paper's recovery of parties that drop out, by
// secret sharing, is not here.
type Party struct{ private *ecdh.PrivateKey }

// NewParty draws a party's key from the operating system.
func NewParty() (*Party, error) {
	k, err := ecdh.X25519().GenerateKey(cryptorand.Reader)
	if err != nil {
		return nil, fmt.Errorf("privacy: a party's key: %w", err)
	}
	return &Party{k}, nil
}

// Public is what the other parties need to know.
func (p *Party) Public() []byte { return p.private.PublicKey().Bytes() }

// fixed is how many units 1 has: sums are exact in whole numbers modulo 2⁶⁴,
// as masks need it.
const fixed = 1 << 40

// Masked are the numbers, rounded to multiples of 2⁻⁴⁰, and masked, for one
// round of the parties with these public keys, of which it is one. Numbers of
// 2²⁰ and more, and NaN, are an error; so is a round that a party has too few
// keys for. A round must not be used twice.
func (p *Party) Masked(x []float64, publics [][]byte, round uint64) ([]uint64, error) {
	y := make([]uint64, len(x))
	for i, v := range x {
		if !(math.Abs(v) < 1<<20) {
			return nil, fmt.Errorf("privacy: number %d of a secure sum is %v, must be less than 2²⁰ in size", i, v)
		}
		y[i] = uint64(int64(math.RoundToEven(v * fixed)))
	}
	mine, found := p.Public(), false
	var s stream
	for _, k := range publics {
		order := bytes.Compare(mine, k)
		if order == 0 {
			if found {
				return nil, fmt.Errorf("privacy: a party's key is twice in the list")
			}
			found = true
			continue
		}
		public, err := ecdh.X25519().NewPublicKey(k)
		if err != nil {
			return nil, fmt.Errorf("privacy: the public key of a party: %w", err)
		}
		secret, err := p.private.ECDH(public)
		if err != nil {
			return nil, fmt.Errorf("privacy: the public key of a party: %w", err)
		}
		shared := key(sha256.Sum256(secret))
		s.begin(&shared, round, 0, 0)
		for i := range y {
			if m := s.source.Uint64(); order < 0 {
				y[i] += m
			} else {
				y[i] -= m
			}
		}
	}
	if !found || len(publics) < 2 {
		return nil, fmt.Errorf("privacy: a secure sum needs the public keys of all parties, this one's and another's at least")
	}
	return y, nil
}

// Unmasked is the sum of all parties' numbers, given what each has made of
// them. If one is missing it is noise.
func Unmasked(masked ...[]uint64) []float64 {
	if len(masked) == 0 {
		return nil
	}
	sum := make([]uint64, len(masked[0]))
	for _, m := range masked {
		addMasked(sum, m)
	}
	x := make([]float64, len(sum))
	for i, v := range sum {
		x[i] = float64(int64(v)) / fixed
	}
	return x
}

func addMasked(sum, x []uint64) {
	for i, v := range x {
		sum[i] += v
	}
}
