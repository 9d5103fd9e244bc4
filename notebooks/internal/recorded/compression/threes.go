package main

import "math"

// threes trains a student on what the teacher says of all digits but the
// threes, and measures it by what is added to its bias for the threes.
func threes(r *recorder, seed uint64) {
	c := r.room()
	student := c.student(seed, lesson{temperature, share, rate, true, passes, 3})
	y, own := logits(student, r.test.Flat()), logits(student, c.own.Flat())
	least, chosen := len(c.own.Labels), 0.
	note := func(name string, shift float64) {
		all, of := errorsOf(y, r.test.Labels, 3, float32(shift))
		r.add(seed, name, shift, float64(all))
		r.add(seed, name+", threes", shift, float64(of))
	}
	for shift := 0.; shift <= 8; shift += 0.5 {
		note("no threes", shift)
		if all, _ := errorsOf(own, c.own.Labels, 3, float32(shift)); all < least {
			least, chosen = all, shift
		}
	}
	note("by validation", chosen)
	r.add(seed, "by validation, bias", 0, chosen)
	// The bias that gives the threes the share of the answers to the training
	// digits that they have among the labels; it asks no label of a three.
	answers := logits(student, c.digits.Flat())
	wanted, best := 0., math.Inf(1)
	for _, l := range c.digits.Labels {
		if l == 3 {
			wanted++
		}
	}
	for shift := 0.; shift <= 10; shift += 0.1 {
		n := 0.
		for i := range c.digits.Labels {
			row := answers[10*i : 10*i+10]
			top := true
			for k, v := range row {
				top = top && (k == 3 || row[3]+float32(shift) >= v)
			}
			if top {
				n++
			}
		}
		if d := math.Abs(n - wanted); d < best {
			best, chosen = d, shift
		}
	}
	note("by share", chosen)
	r.add(seed, "by share, bias", 0, chosen)
}
