package elementwise

import "math"

func adamGo(w, g, m, v []float32, take1, beta2, take2, step, root, eps, keep float32) {
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	for i, d := range g {
		m[i] += take1 * (d - m[i])
		v[i] = beta2*v[i] + take2*(d*d)
		w[i] = w[i]*keep - step*m[i]/(float32(math.Sqrt(float64(v[i])))*root+eps)
	}
}

func rmsPropGo(w, g, v []float32, lr, alpha, take, eps float32) {
	for i, d := range g {
		v[i] = alpha*v[i] + take*(d*d)
		w[i] -= lr * d / (float32(math.Sqrt(float64(v[i]))) + eps)
	}
}

func adaGradGo(w, g, sum []float32, lr, eps float32) {
	for i, d := range g {
		sum[i] += d * d
		w[i] -= lr * d / (float32(math.Sqrt(float64(sum[i]))) + eps)
	}
}

func lionGo(w, g, m []float32, lr, beta1, take1, beta2, take2, keep float32) {
	for i, d := range g {
		u, q := beta1*m[i]+take1*d, w[i]*keep
		switch {
		case u > 0:
			q -= lr
		case u < 0:
			q += lr
		}
		w[i] = q
		m[i] = beta2*m[i] + take2*d
	}
}

func momentumGo(w, g, buf []float32, lr, mu, take float32) {
	g, buf = g[:len(w)], buf[:len(w)]
	for i, d := range g {
		b := mu*buf[i] + take*d
		buf[i] = b
		w[i] -= lr * b
	}
}

func nesterovGo(w, g, buf []float32, lr, mu, take float32) {
	g, buf = g[:len(w)], buf[:len(w)]
	for i, d := range g {
		b := mu*buf[i] + take*d
		buf[i] = b
		w[i] -= lr * (d + mu*b)
	}
}

func bytesToFloatsGo(dst []float32, src []byte, scale, shift float32) {
	for i, b := range src[:len(dst)] {
		dst[i] = float32(b)*scale + shift
	}
}

func geluSlopeGo(y, slope, x []float32) {
	for i, v := range x {
		y[i], slope[i] = float32(float64(v)*normalCDF(float64(v))), float32(geluSlopeAt(float64(v)))
	}
}

// maxAbsGo returns the largest |x|, of numbers that are not NaN.
func maxAbsGo(x []float32) (m float32) {
	for _, v := range x {
		m = max(m, v, -v)
	}
	return m
}
