package compress

import (
	"fmt"
	"math"
	"slices"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// Distillation trains a student on what a teacher says (Hinton, Vinyals & Dean,
// Distilling the knowledge in a neural network, 2015):
//
//	(1 − Share)·loss(student, labels) + Share·T²·KL(softmax(teacher/T) ‖ softmax(student/T))
//
// The factor T² keeps the gradients of both terms of one size when T changes.
type Distillation struct {
	// Teacher computes the teacher's logits [batch, classes]. It runs in
	// evaluation mode and without gradients: nothing of it is trained, dropout
	// does not drop.
	Teacher func(t *tensor.Tape, b data.Batch) tensor.Tensor
	// T is the temperature; 0 is 1. The higher it is, the more the student
	// learns of the classes that the teacher rules out. The paper has 2.5 to
	// 20.
	T float64
	// Share of the teacher in the loss, in (0, 1]; 1 needs no labels.
	Share float64
}

// Objective turns the student's objective into one that also learns from the
// teacher. o needs Predict, the student's logits, and, unless Share is 1,
// LossOf, as [train.Supervised] gives them. Evaluation reports the whole loss;
// metrics are the student's.
func (d Distillation) Objective(o train.Objective[data.Batch]) (train.Objective[data.Batch], error) {
	switch {
	case d.Teacher == nil:
		return o, fmt.Errorf("compress: a Distillation without a Teacher")
	case !(d.Share > 0 && d.Share <= 1):
		return o, fmt.Errorf("compress: a Distillation with Share %v: need 0 < Share ≤ 1", d.Share)
	case !(d.T >= 0) || math.IsInf(d.T, 1):
		return o, fmt.Errorf("compress: a Distillation with temperature %v: need a positive one, or 0 for 1", d.T)
	case o.Predict == nil || d.Share < 1 && o.LossOf == nil:
		return o, fmt.Errorf("compress: the student's Objective needs Predict, and LossOf unless Share is 1")
	}
	temperature := float32(d.T)
	if temperature == 0 {
		temperature = 1
	}
	labels := o.LossOf
	o.Loss = nil // of Predict and LossOf
	o.LossOf = func(student tensor.Tensor, b data.Batch) tensor.Tensor {
		tape := student.Tape()
		training, grad := tape.Training(), tape.RecordsGrad()
		tape.SetTraining(false)
		tape.SetRecordGrad(false)
		said := d.Teacher(tape, b)
		target := said.Scale(1 / temperature).Softmax(-1)
		tape.SetTraining(training)
		tape.SetRecordGrad(grad)
		if !slices.Equal(said.Dims(), student.Dims()) {
			panic(&tensor.ShapeError{Op: "Distillation", Shapes: [][]int{slices.Clone(said.Dims()), slices.Clone(student.Dims())},
				Why: "the teacher's logits and the student's must have the same shape"})
		}
		kl := nn.KLDivLoss{Reduction: nn.ReduceBatchMean}.Loss(student.Scale(1/temperature).LogSoftmax(-1), target)
		loss := kl.Scale(float32(d.Share) * temperature * temperature)
		if d.Share < 1 {
			loss = loss.Add(labels(student, b).Scale(float32(1 - d.Share)))
		}
		return loss
	}
	return o, nil
}
