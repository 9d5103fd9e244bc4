//go:build !noasm

package cpu

import "testing"

// TestReadCaches reads what some processors, and virtual machines, report.
func TestReadCaches(t *testing.T) {
	const intel, amd = 0x756e6547, 0x68747541
	entry := func(kind, level, sharing, ways, sets uint32) [4]uint32 {
		return [4]uint32{kind | level<<5 | (sharing-1)<<14, (ways-1)<<22 | 63, sets - 1, 0}
	}
	data, code, unified := uint32(1), uint32(2), uint32(3)
	for _, c := range []struct {
		name         string
		vendor, most uint32
		caches       [][4]uint32
		want         CacheSizes
	}{
		{"Zen 3, two threads a core", amd, 0x80000023, [][4]uint32{entry(data, 1, 2, 8, 64), entry(code, 1, 2, 8, 64), entry(unified, 2, 2, 8, 1024), entry(unified, 3, 16, 16, 32768)}, CacheSizes{256 << 10, 2 << 20}},
		{"Zen 4, two processors", amd, 0x80000028, [][4]uint32{entry(data, 1, 1, 8, 64), entry(code, 1, 1, 8, 64), entry(unified, 2, 1, 8, 2048), entry(unified, 3, 2, 16, 32768)}, CacheSizes{1 << 20, 16 << 20}},
		{"Alder Lake, four threads of an E module", intel, 32, [][4]uint32{entry(data, 1, 1, 8, 64), entry(code, 1, 1, 8, 128), entry(unified, 2, 4, 16, 2048), entry(unified, 3, 16, 12, 32768)}, CacheSizes{512 << 10, 1536 << 10}},
		{"no third level", intel, 22, [][4]uint32{entry(data, 1, 1, 8, 64), entry(unified, 2, 2, 16, 4096)}, CacheSizes{2 << 20, usual.L3}},
		{"instructions come last, and are larger", intel, 22, [][4]uint32{entry(unified, 2, 1, 8, 1024), entry(code, 2, 1, 16, 4096)}, CacheSizes{512 << 10, usual.L3}},
		{"leaf hidden", amd, 0x8000001c, [][4]uint32{entry(unified, 2, 1, 8, 1024)}, usual},
		{"nothing reported", intel, 22, nil, usual},
		{"nonsense", intel, 22, [][4]uint32{entry(unified, 2, 4096, 1, 1), entry(unified, 3, 1, 1024, 1<<22)}, usual},
	} {
		got := readCaches(func(leaf, sub uint32) (a, b, _, d uint32) {
			switch leaf {
			case 0:
				return c.most, c.vendor, 0, 0
			case 0x80000000:
				return c.most, 0, 0, 0
			case 4, 0x8000001d:
				if (leaf == 4) == (c.vendor == amd) {
					t.Errorf("%s: leaf %x", c.name, leaf)
				}
				if int(sub) < len(c.caches) {
					e := c.caches[sub]
					return e[0], e[1], e[2], e[3]
				}
			}
			return 0, 0, 0, 0
		})
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	if c := Caches; c.L2 < 64<<10 || c.L3 < 256<<10 {
		t.Errorf("this machine: %+v", c)
	}
}
