//go:build amd64 || arm64

package mpi

import (
	"bytes"
	"crypto/rand"
	"os"
	"syscall"
	"unsafe"

	"descent/mlkit/train"
)

var _ train.SharedMemory = (*World)(nil)

// Shared implements [train.SharedMemory] for ranks on one machine, in one
// container if in any: it maps a file in memory, which has no name any more
// when Shared returns, so that nothing is left of a job that is killed. (MPI's
// own windows leave files, and do not say when the system has less memory for
// them than they promise.)
func (w *World) Shared(n int) (all [][]float32, release func(), err error) {
	const page = 4096
	each := (4*n + page - 1) / page * page
	size := page + w.ranks*each // the first page tells this file from another one of its name
	var head [64]float32        // a mark, and the file's name
	text := unsafe.Slice((*byte)(unsafe.Pointer(&head[0])), 4*len(head))
	const mark = 16
	var file *os.File
	if w.rank == 0 {
		_, _ = rand.Read(text[:mark]) // never fails
		if file = shareable(size); file != nil {
			if copy(text[mark:], file.Name()); len(file.Name()) > len(text)-mark {
				clear(text[mark:])
			}
			defer os.Remove(file.Name())
		}
	}
	if err := w.Broadcast(head[:], 0).Wait(); err != nil {
		return nil, nil, err
	}
	name := string(bytes.TrimRight(text[mark:], "\x00"))
	if w.rank != 0 && name != "" {
		file, _ = os.OpenFile(name, os.O_RDWR, 0) // on another machine it is not there
	}
	var memory []byte
	if file != nil {
		if memory, err = syscall.Mmap(int(file.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE,
			syscall.MAP_SHARED); err == nil && w.rank == 0 {
			copy(memory, text[:mark])
		}
		file.Close()
	}
	if err := w.Barrier(); err != nil { // the mark is there
		return nil, nil, err
	}
	mine, theirs := []float32{0}, make([]float32, w.ranks)
	if name != "" && memory != nil && bytes.Equal(memory[:mark], text[:mark]) {
		mine[0] = 1
	}
	if err := w.AllGather(theirs, mine).Wait(); err != nil {
		return nil, nil, err
	}
	release = func() {
		if memory != nil {
			_ = syscall.Munmap(memory) // fails only for what is no mapping
		}
	}
	for _, yes := range theirs {
		if yes == 0 {
			release()
			return nil, func() {}, nil
		}
	}
	for r := range w.ranks {
		all = append(all, unsafe.Slice((*float32)(unsafe.Pointer(&memory[page+r*each])), n))
	}
	return all, release, nil
}

// shareable is a new file in memory that has its memory for certain, nil where
// there is none.
func shareable(size int) *os.File {
	file, err := os.CreateTemp("/dev/shm", "mlkit-*")
	if err != nil {
		return nil
	}
	if err := syscall.Fallocate(int(file.Fd()), 0, 0, int64(size)); err != nil {
		file.Close()
		os.Remove(file.Name())
		return nil
	}
	return file
}
