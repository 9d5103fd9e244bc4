// Package conv holds convolutions and pooling over images in NCHW order: as products of matrices, by
// Winograd's transforms, and with the largest of 2×2 windows taken on the way.
package conv

//go:generate go run ../gen -family conv-pool -out pooling_amd64.s -stubs pooling_stubs_amd64.go -pkg conv
//go:generate go run ../gen -family conv-winograd -out winograd_amd64.s -stubs winograd_stubs_amd64.go -pkg conv
//go:generate go run ../gen -family conv-quads -out quads_amd64.s -stubs quads_stubs_amd64.go -pkg conv
