//go:build !amd64 || noasm

package gemm

func transposeBlock(dst, src []float32, ld, rows, n, stride int) {
	transposeGo(dst, src, ld, rows, n, stride)
}

func copyBlocksCPU(dst, src []float32, b *Blocks) { copyBlocksGo(dst, src, b) }

func addBlocksCPU(dst, src []float32, b *Blocks) { addBlocksGo(dst, src, b) }

func copyEvenCPU(dst, src []float32, b *Blocks) { copyEvenGo(dst, src, b) }

func addEvenCPU(dst, src []float32, b *Blocks) { addEvenGo(dst, src, b) }
