package data

import (
	"cmp"
	"slices"
)

// Box is an upright rectangle in the pixels of a picture, whose corner is
// (0, 0): from (X0, Y0) to (X1, Y1).
type Box struct{ X0, Y0, X1, Y1 float32 }

// Area is 0 for a box without an inside.
func (b Box) Area() float32 { return max(b.X1-b.X0, 0) * max(b.Y1-b.Y0, 0) }

// Intersect is what two boxes have in common, a box of area 0 where that is
// nothing.
func (b Box) Intersect(c Box) Box {
	return Box{max(b.X0, c.X0), max(b.Y0, c.Y0), min(b.X1, c.X1), min(b.Y1, c.Y1)}
}

// IoU is the area that two boxes have in common over the area that they cover
// together (intersection over union, the Jaccard index): from 0, apart, to 1,
// equal. It is 0 where both are empty.
func (b Box) IoU(c Box) float32 {
	common := b.Intersect(c).Area()
	if all := b.Area() + c.Area() - common; all > 0 {
		return common / all
	}
	return 0
}

// Object is something in a picture.
type Object struct {
	Box
	Class int // from 0
	// Difficult objects are neither asked for nor counted against a detector
	// that finds them.
	Difficult bool
}

// Detection is an object that a detector believes it sees.
type Detection struct {
	Box
	Class int
	Score float32 // higher for what is more certain
}

// NMS is non-maximum suppression: it goes through the detections of one picture
// from the highest score down and keeps each that has, with no kept one of its
// class, an IoU above the given one. The kept ones come in that order, equal
// scores in the order of found.
func NMS(found []Detection, iou float32) []Detection {
	sorted := slices.Clone(found)
	slices.SortStableFunc(sorted, func(a, b Detection) int { return cmp.Compare(b.Score, a.Score) })
	kept := sorted[:0]
next:
	for _, d := range sorted {
		for _, k := range kept {
			if k.Class == d.Class && k.IoU(d.Box) > iou {
				continue next
			}
		}
		kept = append(kept, d)
	}
	return kept
}
