package nn

import (
	"math"

	"descent/mlkit/tensor"
)

// GIoULoss is 1 − GIoU between boxes (x0, y0, x1, y1), x0 ≤ x1 and y0 ≤ y1,
// where GIoU is their intersection over union less the share of the smallest
// box around both that neither covers: unlike the IoU it has a gradient where
// they do not touch (Rezatofighi et al. 2019; torchvision's
// generalized_box_iou_loss). From 0, equal, to 2.
type GIoULoss struct{ Reduction Reduction }

// Loss compares boxes [..., 4] with boxes of the same shape; one loss a box.
func (c GIoULoss) Loss(pred, target tensor.Tensor) tensor.Tensor {
	sameShape("GIoULoss", pred, target)
	if pred.Rank() == 0 || pred.Dim(-1) != 4 {
		lossShape("GIoULoss", "boxes have four numbers along the last axis", pred.Dims())
	}
	var p, q [4]tensor.Tensor
	for i := range p {
		p[i], q[i] = pred.Select(-1, i), target.Select(-1, i)
	}
	return c.Reduction.apply(giouLoss(p, q))
}

// giouLoss is 1 − GIoU of boxes given by their sides.
func giouLoss(p, q [4]tensor.Tensor) tensor.Tensor {
	const eps = 1e-7 // torchvision's, against 0/0
	area := func(b [4]tensor.Tensor) tensor.Tensor { return b[2].Sub(b[0]).Mul(b[3].Sub(b[1])) }
	wide := func(lo, hi tensor.Tensor) tensor.Tensor { return hi.Sub(lo).ReLU() }
	common := wide(p[0].Maximum(q[0]), p[2].Minimum(q[2])).Mul(wide(p[1].Maximum(q[1]), p[3].Minimum(q[3])))
	union := area(p).Add(area(q)).Sub(common)
	around := area([4]tensor.Tensor{p[0].Minimum(q[0]), p[1].Minimum(q[1]), p[2].Maximum(q[2]), p[3].Maximum(q[3])})
	iou := common.Div(union.AddScalar(eps))
	empty := around.Sub(union).Div(around.AddScalar(eps))
	return empty.Sub(iou).AddScalar(1)
}

// HeatmapFocalLoss is the focal loss of maps that have a bump around each
// object and are 1 at its centre only (Law & Deng, CornerNet, 2018, eq. 1):
// with p the sigmoid of the logit, −(1−p)²·log p where the target is 1,
// elsewhere −(1−y)⁴·p²·log(1−p), which is small next to a centre. The sum is
// divided by the number of centres, or by 1 if there are none.
func HeatmapFocalLoss(logits, heat tensor.Tensor) tensor.Tensor {
	centres := heat.Detach().GreaterEqual(heat.Tape().Input(one, 1)).Sum()
	n := float64(centres.Item())
	heat.Tape().RecordMean(tensor.Mean{Weight: n, Divisor: max(n, 1)})
	return heatmapFocal(logits, heat).Sum().Div(centres.Clamp(1, math.MaxFloat32))
}

var one = []float32{1}

var heatmapFocal = pointwise("HeatmapFocalLoss", func(x, y float64) (v, dx, dy float64) {
	p, q := 1/(1+math.Exp(-x)), 1/(1+math.Exp(x)) // q is 1−p without cancellation
	softplus := func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }
	if y >= 1 { // q²·softplus(−x)
		s := softplus(-x)
		return q * q * s, -q * q * (2*p*s + q), 0
	}
	s, far := softplus(x), 1-y
	far2 := far * far
	w := far2 * far2
	return w * p * p * s, w * p * p * (2*q*s + p), -4 * far2 * far * p * p * s
})

// CenterLoss is the loss of a detector whose targets data.Centers makes:
// HeatmapFocalLoss of the class maps plus BoxWeight times the mean GIoULoss of
// the boxes, weighted by the target's last plane.
type CenterLoss struct {
	BoxWeight float32 // 0 means 5
}

// Loss compares a network's output [n, classes+4, h, w] with targets
// [n, classes+5, h, w] of data.Centers.
func (c CenterLoss) Loss(pred, target tensor.Tensor) tensor.Tensor {
	p, q := pred.Dims(), target.Dims()
	if len(p) != 4 || len(q) != 4 || p[0] != q[0] || p[1]+1 != q[1] || p[1] < 5 || p[2] != q[2] || p[3] != q[3] {
		lossShape("CenterLoss", "wanted are outputs [n, classes+4, h, w] and targets [n, classes+5, h, w]", p, q)
	}
	classes := p[1] - 4
	heat := HeatmapFocalLoss(pred.Slice(1, 0, classes), target.Slice(1, 0, classes))
	// Distances to the four sides are the box seen from the cell's middle.
	var a, b [4]tensor.Tensor
	for i := range a {
		// Beyond e⁶ strides there is no picture, and the exponential explodes.
		a[i] = pred.Select(1, classes+i).Clamp(-6, 6).Exp()
		b[i] = target.Select(1, classes+i)
		if i < 2 {
			a[i], b[i] = a[i].Neg(), b[i].Neg()
		}
	}
	weight := target.Select(1, classes+4)
	total := weight.Sum()
	n := float64(total.Item())
	weight.Tape().RecordMean(tensor.Mean{Weight: n, Divisor: n + 1e-6})
	boxes := giouLoss(a, b).Mul(weight).Sum().Div(total.AddScalar(1e-6))
	return heat.Add(boxes.Scale(or(c.BoxWeight, 5)))
}
