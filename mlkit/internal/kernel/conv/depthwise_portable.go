package conv

func depth3Go(y, x, w, params []float32, lanes []int32, r *depthRun) {
	depthGo(y, x, w, params, lanes, r, 3, 1)
}

func depth5Go(y, x, w, params []float32, lanes []int32, r *depthRun) {
	depthGo(y, x, w, params, lanes, r, 5, 1)
}

func depth3by2Go(y, x, w, params []float32, lanes []int32, r *depthRun) {
	depthGo(y, x, w, params, lanes, r, 3, 2)
}

func depth5by2Go(y, x, w, params []float32, lanes []int32, r *depthRun) {
	depthGo(y, x, w, params, lanes, r, 5, 2)
}

// depthGo computes a vector of columns of some rows of some planes. x may begin
// with any plane: r.at says from where the first tap sees it, and lanes which
// of the columns there are.
func depthGo(y, x, w, params []float32, lanes []int32, r *depthRun, k, stride int) {
	for p := range r.planes {
		w, params := w[p*k*k:][:k*k], params[4*p:][:4]
		for row := range r.rows {
			y := y[p*r.dstPlane+row*r.dstRow:]
			for l, write := range lanes[(depthMasks-1)*depthLanes:][:depthLanes] {
				if write == 0 {
					continue
				}
				sum := params[0]
				for kh := range k {
					if i := r.first + row*stride + kh; i < 0 || i >= r.h {
						continue
					}
					for kw := range k {
						mask, lane := kw, l
						if stride == 2 { // in two vectors
							lane = 2*l + kw%2
							mask, lane = kw-kw%2+lane/depthLanes, lane%depthLanes
						}
						if lanes[mask*depthLanes+lane] != 0 {
							sum += w[kh*k+kw] * x[r.at+p*r.srcPlane+(row*stride+kh)*r.srcRow+l*stride+kw]
						}
					}
				}
				if r.norm != 0 {
					sum = (sum-params[1])*params[2] + params[3]
				}
				sum = min(r.hi, max(r.lo, sum))
				if r.add != 0 {
					sum += y[l]
				}
				y[l] = sum
			}
		}
	}
}

// affineTopGo normalises and limits what a convolution has computed.
func affineTopGo(y []float32, mean, scale, shift, top float32) {
	for i, v := range y {
		y[i] = min(top, max(0, (v-mean)*scale+shift))
	}
}
