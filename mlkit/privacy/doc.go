// Package privacy trains models that give away little of any one sample, and
// measures how much.
//
//	loader := &privacy.Poisson{Dataset: set, BatchSize: 512}
//	rate, _, _ := loader.Sampling()
//	noise, err := privacy.NoiseFor(privacy.PLD{}, 3, 1e-5, rate, epochs*loader.Len()) // for ε = 3
//	private := &privacy.SGD{Clip: 1, Noise: noise}
//	_, err = train.Fit(ctx, objective, loader, train.Config{Epochs: epochs, Optimizer: optim.SGD(0.5), Private: private})
//	ε, err := private.Epsilon(1e-5)
//
// What is private is the model. Losses in the History and metrics of training
// data are not, nor is a setting that was chosen by looking at results: each
// look would have to be counted. δ should be well below 1/samples.
//
//	here                  elsewhere                                      source
//	SGD                   Opacus' PrivacyEngine                          Abadi et al. 2016
//	Poisson               Opacus' UniformWithReplacementSampler          Poisson sampling
//	RDP, PLD              dp_accounting's RdpAccountant, PLDAccountant   Mironov et al. 2019; Koskela et al. 2020
//	NoiseFor              dp_accounting's calibrate_dp_mechanism
//	LiRA, TruePositives   –                                              Carlini et al. 2022
//	Audit                 –                                              Steinke, Nasr & Jagielski 2023
//	EpsilonFromRates      –                                              Jagielski, Ullman & Oprea 2020
//	Federated             Flower's FedAvg                                McMahan et al. 2017
//	Party                 –                                              Bonawitz et al. 2017, without recovery
//
// A private step takes 1.2 times the processor time of a plain one for a small
// convolutional network, and 1.6 times for a perceptron of 235,000 parameters,
// each of which gets its noise (batches of 512, one thread; BenchmarkStep). Its
// tape holds 4 % and 0.2 % more memory, and the sum of the gradients comes on
// top: gradients of samples are kept only where they are smaller than what they
// are made of.
//
// A training is only as private as its randomness is secret: with an
// InsecureSeed, which books and tests need, it is not private at all.
package privacy
