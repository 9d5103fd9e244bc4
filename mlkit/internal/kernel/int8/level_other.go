//go:build !amd64 || noasm

package int8

const vnni = false
