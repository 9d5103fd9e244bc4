package conv

import "descent/mlkit/internal/kernel/cpu"

const (
	overlapLanes = 16 // columns of a row of masks; gen has it, too
	overlapTaps  = 11 // of a row of a window, at most
)

// overlapRun is what overlap adds to a vector of columns of one row of each
// plane of the image's gradient: kh rows of kw taps each, the first of which is
// at in the matrix of columns. stepW leads from one tap to the next, and stepH
// from behind the last one of a row on to the next row.
type overlapRun struct {
	at, kh, kw, stepW, stepH   int
	planes, srcPlane, dstPlane int
}

// overlapGo has in lanes a row of masks and their bits for the columns to
// write, and one for each tap of a row for those that it adds to. Only AVX2
// needs the masks.
func overlapGo(dx, col []float32, lanes []int32, r *overlapRun) {
	for p := range r.planes {
		for l := range overlapLanes {
			if lanes[overlapLanes]>>l&1 == 0 {
				continue
			}
			sum, at := dx[p*r.dstPlane+l], r.at+p*r.srcPlane+l
			for range r.kh {
				for kw := range r.kw {
					if lanes[(1+kw)*(overlapLanes+1)+overlapLanes]>>l&1 == 1 {
						sum += col[at]
					}
					at += r.stepW
				}
				at += r.stepH
			}
			dx[p*r.dstPlane+l] = sum
		}
	}
}

// overlaps reports whether scatter goes by rows of the image.
func (j *convJob) overlaps() bool {
	return (cpu.Current == cpu.AVX2 || cpu.Current == cpu.AVX512) && j.StrideH == 1 && j.StrideW == 1 &&
		j.KW <= overlapTaps
}

// scatterRows is scatter at stride 1, one row of the image after the other.
// Each element gets its addends in the order of the taps, as from scatterTaps.
func (j *convJob) scatterRows(dx, col []float32, planes, first, last int) {
	ow := j.OutW()
	n := (last - first) * ow
	var lanes [(overlapTaps + 1) * (overlapLanes + 1)]int32
	r := overlapRun{kw: j.KW, stepW: n - j.DilW, stepH: j.DilW*j.KW - j.DilH*ow, planes: planes,
		srcPlane: j.KH * j.KW * n, dstPlane: j.H * j.W}
	for x := 0; x < j.W; x += overlapLanes {
		mask := func(row, lo, hi int) {
			m := lanes[row*(overlapLanes+1):][:overlapLanes+1]
			lo, hi = min(max(lo-x, 0), overlapLanes), min(max(hi-x, 0), overlapLanes)
			bits := (1<<hi - 1) &^ (1<<lo - 1)
			m[overlapLanes] = int32(bits)
			if cpu.Current == cpu.AVX2 {
				for l := range overlapLanes {
					m[l] = -int32(bits >> l & 1)
				}
			}
		}
		mask(0, 0, j.W)
		for kw := range j.KW {
			from := kw*j.DilW - j.PadW // the column that this tap of the first window sees
			mask(1+kw, max(from, 0), max(from, 0, min(from+ow, j.W)))
		}
		for y := range j.H {
			// Tap kh sees this row in the window y + PadH − kh·DilH.
			low := max(0, (y+j.PadH-last)/j.DilH+1)
			if y+j.PadH < last {
				low = 0
			}
			high := min(j.KH-1, (y+j.PadH-first)/j.DilH)
			if y+j.PadH < first || low > high {
				continue
			}
			r.kh = high - low + 1
			r.at = low*j.KW*n + (y+j.PadH-low*j.DilH-first)*ow + x + j.PadW
			overlap(dx[y*j.W+x:], col, lanes[:], &r)
		}
	}
}
