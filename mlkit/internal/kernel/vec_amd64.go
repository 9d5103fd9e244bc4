//go:build !noasm

package kernel

func init() {
	vecTable[avx2] = vecKernels{
		sum: sumAVX2, maxAbs: maxAbsAVX2, dot: dotVecAVX2, squares: squaresAVX2,
		softmaxRow: softmaxRowAVX2, logSumExpRow: logSumExpRowAVX2, addRows: addRowsAVX2,
		layerNormRow: layerNormRowAVX2, layerNormGradSums: layerNormGradSumsAVX2,
		layerNormGradRow: layerNormGradRowAVX2, layerNormParams: layerNormParamsAVX2,
		lstmRow: lstmRowAVX2, lstmGradRow: lstmGradRowAVX2, gruRow: gruRowAVX2, gruGradRow: gruGradRowAVX2, geluSlope: geluSlopeAVX2,
		adam: adamAVX2, momentum: momentumAVX2, nesterov: nesterovAVX2, bytesToFloats: bytesToFloatsAVX2,
		rmsProp: rmsPropAVX2, lion: lionAVX2,
		planeAffine: planeAffineAVX2, planeGradSums: planeGradSumsAVX2, planeGrad: planeGradAVX2, planeGradAdd: planeGradAddAVX2,
		rowAffine: rowAffineAVX2, rowGrad: rowGradAVX2, columnSquares: columnSquaresAVX2, columnGradSums: columnGradSumsAVX2,
		dropout: dropoutAVX2, dropoutGrad: dropoutGradAVX2, uniform: uniformAVX2, normal: normalAVX2,
	}
	vecTable[avx512] = vecKernels{
		sum: sumAVX512, maxAbs: maxAbsAVX512, dot: dotVecAVX512, squares: squaresAVX512,
		softmaxRow: softmaxRowAVX512, logSumExpRow: logSumExpRowAVX512, addRows: addRowsAVX512,
		layerNormRow: layerNormRowAVX512, layerNormGradSums: layerNormGradSumsAVX512,
		layerNormGradRow: layerNormGradRowAVX512, layerNormParams: layerNormParamsAVX512,
		lstmRow: lstmRowAVX512, lstmGradRow: lstmGradRowAVX512, gruRow: gruRowAVX512, gruGradRow: gruGradRowAVX512, geluSlope: geluSlopeAVX512,
		adam: adamAVX512, momentum: momentumAVX512, nesterov: nesterovAVX512, bytesToFloats: bytesToFloatsAVX512,
		rmsProp: rmsPropAVX512, lion: lionAVX512,
		planeAffine: planeAffineAVX512, planeGradSums: planeGradSumsAVX512, planeGrad: planeGradAVX512, planeGradAdd: planeGradAddAVX512,
		rowAffine: rowAffineAVX512, rowGrad: rowGradAVX512, columnSquares: columnSquaresAVX512, columnGradSums: columnGradSumsAVX512,
		dropout: dropoutAVX512, dropoutGrad: dropoutGradAVX512, uniform: uniformAVX512, normal: normalAVX512,
	}
}
