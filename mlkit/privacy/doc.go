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
// A private step takes 1.1 to 1.3 times the processor time of a plain one for a
// small convolutional network (batches of 64 to 2048, one thread). A perceptron
// of 235,000 parameters gets noise for each of them in every step, however
// small the batch: 1.1 times with batches of 2048, 1.6 with 512, 2.2 with 256,
// 5.6 with 64. Opacus 1.6 takes 4.1 to 7.2 times as long as SGD here for the
// convolutional network and 1.7 to 3.4 times for the perceptron by ghost
// clipping, 4.6 to 6.9 and 20 to 156 times in its default mode
// (TestSpeedAgainstOpacus, two runs on a loaded machine). In batches of 512 the
// tapes hold 4 % and 0.2 % more memory, and the sum of the gradients comes on
// top: gradients of samples are kept only where they are smaller than what they
// are made of.
//
// A training is only as private as its randomness is secret: with an
// InsecureSeed, which books and tests need, it is not private at all.
package privacy
