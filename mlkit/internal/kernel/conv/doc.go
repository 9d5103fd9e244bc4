// Package conv holds convolutions and pooling over images in NCHW order: as
// products of matrices, by Winograd's transforms, depthwise ones tap by tap,
// and with the largest of 2×2 windows taken on the way.
package conv

//go:generate go run ../gen -family conv
