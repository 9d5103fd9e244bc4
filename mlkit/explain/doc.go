// Package explain says which parts of an input a model's score depends on, and
// which columns of a table.
//
//	in := explain.Input{X: image, Dims: []int{1, 28, 28}, Target: 7}
//	shares, err := explain.IntegratedGradients(model.Forward, in, 50)
//
// Every method takes a model as a function from inputs [n, dims...] to scores
// [n, outputs], an input, and, where it compares, a baseline: what stands for
// "nothing there". It returns a number for each element of the input; for a
// method of groups ([Input.Groups]) all elements of a group have the same. The
// model runs in evaluation mode.
//
//	method               asks                                             source
//	Saliency             how fast does the score change?                  Simonyan, Vedaldi & Zisserman 2014
//	GradientTimesInput   the same, times the input                        Shrikumar et al. 2016
//	IntegratedGradients  … averaged on the way from the baseline          Sundararajan, Taly & Yan 2017
//	SmoothGrad           … averaged over noise around the input           Smilkov et al. 2017
//	GradCAM              which places of a layer speak for the output?    Selvaraju et al. 2017
//	Occlusion            what is lost when a window is covered?           Zeiler & Fergus 2014
//	Shapley              each group's fair share of score − baseline      Shapley 1953; all coalitions
//	KernelSHAP           the same, from a sample of coalitions            Lundberg & Lee 2017
//	LIME                 a linear model around the input                  Ribeiro, Singh & Guestrin 2016
//	AttentionRollout     what flows through attention, over all layers    Abnar & Zuidema 2020
//	PermutationImportance  how much worse without a column of a table?    Breiman 2001
//	PartialDependence    the mean score as one column changes             Friedman 2001
//	Counterfactual       what is the nearest input with another score?    Wachter et al. 2018
//	Influence            what would change without a training sample?     Koh & Liang 2017
//	TracIn               what did the steps on a training sample change?  Pruthi et al. 2020
//
// Influence and TracIn take a [Trained] model: its parameters and the losses of
// its training samples.
//
// Three checks say whether values are worth looking at:
//
//	Deletion, Insertion  does the score fall when what matters goes?      Petsiuk, Das & Saenko 2018
//	Sanity               do the values change when the weights do?        Adebayo et al. 2018
//
// The values are those of Captum 0.9 (shap for Shapley, scikit-learn for the
// two of tables, a Hessian in float64 for Influence, a linear program for
// Counterfactual) on the same weights, masks and baselines. None of them says
// that the model is right, or why the world is so: they say what this model
// looks at, in the sense of their question. A method whose picture stays the
// same when the weights are shuffled shows the input, not the model (Adebayo et
// al., Sanity checks for saliency maps, 2018).
package explain
