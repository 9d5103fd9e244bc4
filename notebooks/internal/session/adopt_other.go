//go:build !linux

package session

// adopt is for containers, in which nobody else may care for orphans.
func adopt() {}
