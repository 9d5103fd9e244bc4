package metrics

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"descent/mlkit/data"
)

// MeanAP says how detections are compared with the objects that are there. The
// zero value is COCO's AP at an IoU of 0.5.
type MeanAP struct {
	IoU float32 // from which on an object counts as found; 0 means 0.5
	// AllPoints takes the exact area under the precision–recall curve, as
	// Pascal VOC does since 2010; without it precision is read at the recalls
	// 0, 0.01 … 1, as COCO does.
	AllPoints bool
	// PerImage is how many detections of each class count in an image, those of
	// the highest scores; 0 means 100, as in COCO.
	PerImage int
}

// DetectionAP holds the figures of a set of detections.
type DetectionAP struct {
	// AP is the average precision of each class, NaN of one without objects.
	AP []float64
	// Recall and Precision are those of all detections of the class together.
	Recall, Precision []float64
	// Mean is the mean of AP over the classes that have objects: mAP.
	Mean float64
}

// Compute compares what was found with what is there, image by image. For each
// class, detections of all images are gone through from the highest score down;
// each is right if, among the objects of its image that are not yet found, the
// one of largest IoU has at least the wanted one, and wrong otherwise. AP is
// the area under the curve of precision against recall, after precision is
// raised to the largest one at any higher recall. Difficult objects do not
// count, nor do detections that match them. Agrees with pycocotools (Lin et
// al., Microsoft COCO, 2014).
func (c MeanAP) Compute(truth [][]data.Object, found [][]data.Detection, classes int) (DetectionAP, error) {
	if len(truth) != len(found) {
		return DetectionAP{}, fmt.Errorf("metrics: detections for %d images, objects for %d", len(found), len(truth))
	}
	if !(c.IoU >= 0 && c.IoU <= 1) || c.PerImage < 0 {
		return DetectionAP{}, fmt.Errorf("metrics: MeanAP with IoU %v and PerImage %d: want 0 to 1, and at least 0", c.IoU, c.PerImage)
	}
	for i := range truth {
		for _, o := range truth[i] {
			if o.Class < 0 || o.Class >= classes || undefined(o.Box) {
				return DetectionAP{}, fmt.Errorf("metrics: image %d: an object of class %d of %d in the box %v", i, o.Class, classes, o.Box)
			}
		}
		for _, d := range found[i] {
			if d.Class < 0 || d.Class >= classes || d.Score != d.Score || undefined(d.Box) {
				return DetectionAP{}, fmt.Errorf("metrics: image %d: a detection of class %d of %d with score %v in the box %v", i, d.Class, classes, d.Score, d.Box)
			}
		}
	}
	r := DetectionAP{AP: make([]float64, classes), Recall: make([]float64, classes),
		Precision: make([]float64, classes)}
	measured := 0
	for class := range classes {
		r.AP[class], r.Recall[class], r.Precision[class] = c.class(truth, found, class)
		if !math.IsNaN(r.AP[class]) {
			r.Mean += r.AP[class]
			measured++
		}
	}
	r.Mean /= float64(measured) // NaN without objects
	return r, nil
}

// undefined reports whether a side of the box is NaN.
func undefined(b data.Box) bool { return b.X0 != b.X0 || b.Y0 != b.Y0 || b.X1 != b.X1 || b.Y1 != b.Y1 }

// judged is a detection after its comparison.
type judged struct {
	score float32
	right bool
}

func (c MeanAP) class(truth [][]data.Object, found [][]data.Detection, class int) (ap, recall, precision float64) {
	var all []judged
	objects := 0
	for i := range truth {
		var there []data.Object
		for _, o := range truth[i] {
			if o.Class == class {
				there = append(there, o)
				if !o.Difficult {
					objects++
				}
			}
		}
		all = append(all, c.match(there, found[i], class)...)
	}
	if objects == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	// A stable order makes the result one of the input alone.
	slices.SortStableFunc(all, func(a, b judged) int { return cmp.Compare(b.score, a.score) })
	recalls, precisions := make([]float64, len(all)), make([]float64, len(all))
	right := 0
	for k, j := range all {
		if j.right {
			right++
		}
		recalls[k], precisions[k] = float64(right)/float64(objects), float64(right)/float64(k+1)
	}
	recall = float64(right) / float64(objects)
	if len(all) > 0 {
		precision = precisions[len(all)-1]
	}
	for k := len(all) - 2; k >= 0; k-- {
		precisions[k] = max(precisions[k], precisions[k+1])
	}
	// Sums are divided once, at the end: those of ones are exact, and no
	// average is above 1.
	if c.AllPoints { // every right detection raises the recall by 1/objects
		for k, j := range all {
			if j.right {
				ap += precisions[k]
			}
		}
		return ap / float64(objects), recall, precision
	}
	for p := range 101 {
		if k, _ := slices.BinarySearch(recalls, float64(p)*0.01); k < len(all) {
			ap += precisions[k]
		}
	}
	return ap / 101, recall, precision
}

// match compares the detections of one class in one image with its objects.
func (c MeanAP) match(there []data.Object, found []data.Detection, class int) []judged {
	limit, iou := c.PerImage, c.IoU
	if limit == 0 {
		limit = 100
	}
	if iou == 0 {
		iou = 0.5
	}
	var mine []data.Detection
	for _, d := range found {
		if d.Class == class {
			mine = append(mine, d)
		}
	}
	slices.SortStableFunc(mine, func(a, b data.Detection) int { return cmp.Compare(b.Score, a.Score) })
	mine = mine[:min(limit, len(mine))]
	taken := make([]bool, len(there))
	var out []judged
	for _, d := range mine {
		best, bestIoU := -1, min(iou, 1-1e-7)
		for i, o := range there {
			// A difficult object is a way out only where no other one matches.
			if taken[i] && !o.Difficult || best >= 0 && !there[best].Difficult && o.Difficult {
				continue
			}
			if v := d.IoU(o.Box); v >= bestIoU || best >= 0 && there[best].Difficult && !o.Difficult && v >= iou {
				best, bestIoU = i, v
			}
		}
		if best >= 0 {
			taken[best] = true
			if there[best].Difficult {
				continue
			}
		}
		out = append(out, judged{d.Score, best >= 0})
	}
	return out
}
