//go:build !noasm

package kernel

// Every processor of this architecture has NEON: its kernels stand at the lowest level, and the
// loops in plain Go are for the build tag noasm.
func init() {
	vecTable[portable] = vecKernels{
		adam: adamNEON, momentum: momentumNEON, nesterov: nesterovNEON, rmsProp: rmsPropNEON,
		planeAffine: planeAffineNEON, planeGrad: planeGradNEON, planeGradAdd: planeGradAddNEON,
	}
}
