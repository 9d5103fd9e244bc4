package conv

import "descent/mlkit/internal/kernel/cpu"

const (
	overlapLanes = 16               // columns of a row of the table; gen has it, too
	overlapRow   = overlapLanes + 2 // of the table: masks, their bits, and where the tap is
	overlapTaps  = 11               // of a row of a window, at most
	overlapSlack = 64               // floats around the columns that overlap reads at stride 2
)

// overlapRun is what overlap adds to a vector of columns of one row of each
// plane of the image's gradient: kh rows of kw taps each, the first row of
// which is at in the matrix of columns, and the next one stepH further.
type overlapRun struct {
	at, kh, kw, stepH, stride  int
	planes, srcPlane, dstPlane int
}

// overlapGo has in lanes a row with the columns to write, and one for each tap
// of a row with those that it adds to and its place behind the row's. At stride
// 2 an element of a tap stands for two columns, of which it has one. Only AVX2
// needs the masks.
func overlapGo(dx, col []float32, lanes []int32, r *overlapRun) {
	for p := range r.planes {
		for l := range overlapLanes {
			if lanes[overlapLanes]>>l&1 == 0 {
				continue
			}
			sum, at := dx[p*r.dstPlane+l], r.at+p*r.srcPlane+l/r.stride
			for range r.kh {
				for kw := range r.kw {
					if tap := lanes[(1+kw)*overlapRow:]; tap[overlapLanes]>>l&1 == 1 {
						sum += col[at+int(tap[overlapLanes+1])]
					}
				}
				at += r.stepH
			}
			dx[p*r.dstPlane+l] = sum
		}
	}
}

// overlaps reports whether scatter goes by rows of the image.
func (j *convJob) overlaps() bool {
	return (cpu.Current == cpu.AVX2 || cpu.Current == cpu.AVX512) && j.StrideH <= 2 && j.StrideW <= 2 &&
		j.KW <= overlapTaps && (j.StrideW == 1 || j.DilW*(j.KW-1) < overlapSlack)
}

// scatterRows is scatter at strides 1 and 2, one row of the image after the
// other. Each element gets its addends in the order of the taps, as from
// scatterTaps. Around col there are overlapSlack floats.
func (j *convJob) scatterRows(dx, col []float32, planes, first, last int) {
	ow := j.OutW()
	n := (last - first) * ow
	step := j.StrideH // from one tap that sees a row to the next
	if j.DilH%2 == 0 {
		step = 1
	}
	var lanes [(overlapTaps + 1) * overlapRow]int32
	r := overlapRun{kw: j.KW, stepH: step*j.KW*n - step*j.DilH/j.StrideH*ow, stride: j.StrideW, planes: planes,
		srcPlane: j.KH * j.KW * n, dstPlane: j.H * j.W}
	for x := 0; x < j.W; x += overlapLanes {
		// The columns of a tap are stride apart, from lo to hi.
		mask := func(row, lo, hi, stride int) []int32 {
			m := lanes[row*overlapRow:][:overlapRow]
			odd := lo - x
			lo, hi = min(max(lo-x, 0), overlapLanes), min(max(hi-x, 0), overlapLanes)
			bits := (1<<hi - 1) &^ (1<<lo - 1)
			if stride == 2 {
				bits &= 0x5555 << (odd & 1)
			}
			m[overlapLanes] = int32(bits)
			if cpu.Current == cpu.AVX2 {
				for l := range overlapLanes {
					m[l] = -int32(bits >> l & 1)
				}
			}
			return m
		}
		mask(0, 0, j.W, 1)
		for kw := range j.KW {
			from := kw*j.DilW - j.PadW // the column that this tap of the first window sees
			m := mask(1+kw, from, min(from+(ow-1)*j.StrideW+1, j.W), j.StrideW)
			m[overlapLanes+1] = int32(kw*n + (x-from+j.StrideW-1)>>(j.StrideW-1))
		}
		for y := range j.H {
			// Tap kh sees this row in the window (y + PadH − kh·DilH)/StrideH.
			r.kh = 0
			for kh := range j.KH {
				at := y + j.PadH - kh*j.DilH
				if at < first*j.StrideH {
					break
				}
				if at&(j.StrideH-1) != 0 || at >= last*j.StrideH {
					continue
				}
				if r.kh++; r.kh == 1 {
					r.at = kh*j.KW*n + (at/j.StrideH-first)*ow
				}
			}
			if r.kh > 0 {
				overlap(dx[y*j.W+x:], col, lanes[:], &r)
			}
		}
	}
}
