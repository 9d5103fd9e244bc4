// Package privacy trains models that give away little of any one sample, and
// measures how much.
//
//	noise, err := privacy.NoiseFor(privacy.PLD{}, 3, 1e-5, 512./60000, 4700) // for (3, 1e-5)
//	ε, err := privacy.PLD{}.Epsilon(1e-5, privacy.Steps{Rate: 512./60000, Noise: noise, Count: 4700})
package privacy
