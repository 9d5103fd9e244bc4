//go:build !noasm

package cpu

// cpuid runs the instruction for a leaf and a subleaf.
func cpuid(leaf, sub uint32) (a, b, c, d uint32)

func init() { Caches = readCaches(cpuid) }

// readCaches asks for the caches: Intel's processors list them in leaf 4, AMD's
// in leaf 8000001D, in the same form (Intel, Software Developer's Manual, vol.
// 2A, CPUID; AMD, Architecture Programmer's Manual, vol. 3, appendix E). A
// virtual machine may hide or invent them: what makes no sense is left as it
// is.
func readCaches(id func(leaf, sub uint32) (a, b, c, d uint32)) CacheSizes {
	sizes := usual
	leaf := uint32(4)
	if _, vendor, _, _ := id(0, 0); vendor == 0x68747541 { // "Auth"enticAMD
		leaf = 0x8000001d
	}
	if most, _, _, _ := id(leaf&0x80000000, 0); most < leaf {
		return sizes
	}
	for sub := range uint32(16) {
		a, b, c, _ := id(leaf, sub)
		kind, level, sharing := a&31, a>>5&7, int(a>>14&0xfff)+1
		if kind == 0 {
			break
		}
		if kind == 2 { // instructions
			continue
		}
		ways, partitions, line, sets := int(b>>22)+1, int(b>>12&0x3ff)+1, int(b&0xfff)+1, int(c)+1
		size := ways * partitions * line * sets / sharing
		switch {
		case level == 2 && size >= 64<<10 && size <= 16<<20:
			sizes.L2 = size
		case level == 3 && size >= 256<<10 && size <= 1<<30:
			sizes.L3 = size
		}
	}
	return sizes
}
