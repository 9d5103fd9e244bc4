package formats

// FewPixels sets how large an image may be whatever the size of its file, and
// undoes it.
func FewPixels(n int) (undo func()) {
	old := fewPixels
	fewPixels = n
	return func() { fewPixels = old }
}
