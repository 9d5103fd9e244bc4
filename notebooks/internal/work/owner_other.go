//go:build !unix

package work

func remedy(string) string { return "Make it writable." }
