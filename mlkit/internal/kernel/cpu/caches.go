package cpu

// CacheSizes are the bytes of the second and third level of the cache that one
// of the processors has for itself: of a cache that several share, an equal
// part.
type CacheSizes struct{ L2, L3 int }

// Caches are those of this machine, as the processor reports them, or else what
// most have at least.
var Caches = usual

var usual = CacheSizes{L2: 512 << 10, L3: 2 << 20}
