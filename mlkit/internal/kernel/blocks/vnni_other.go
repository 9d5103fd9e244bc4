//go:build !amd64 || noasm

package blocks

const vnni = false
