//go:build !amd64 || noasm

package conv

func maxPoolCPU(y []float32, idx []int32, x []float32, r *poolRows) { maxPoolGo(y, idx, x, r) }

func avgPoolCPU(y, x []float32, r *poolRows) { avgPoolGo(y, x, r) }

func winInputCPU(dst, src, tmp []float32, p *winTiles) { winGo(dst, src, p, 0, 6, 6) }

func winWeightCPU(dst, src, tmp []float32, p *winTiles, start int) { winGo(dst, src, p, start, 3, 6) }

func winGradCPU(dst, src, tmp []float32, p *winTiles) { winGo(dst, src, p, 0, 4, 6) }

func winOutputCPU(dst, src, tmp []float32, p *winTiles) { winGo(dst, src, p, 0, 6, 4) }

func winWeightGradCPU(dst, src, tmp []float32, p *winTiles) { winGo(dst, src, p, 0, 6, 3) }

func maxQuadsCPU(y []float32, arg []byte, x []float32, q *quads) { maxQuadsGo(y, arg, x, q) }

func spreadQuadsCPU(dst, dy []float32, arg []byte, row int, q *quads) {
	spreadQuadsGo(dst, dy, arg, row, q)
}
