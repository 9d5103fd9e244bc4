// Package kerneltest holds what the tests of all families of kernels share.
package kerneltest
