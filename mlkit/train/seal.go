package train

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"

	"descent/mlkit/formats"
)

// A sealed file holds in its metadata the SHA-256 of itself, with zeros in the
// place of the sum: no bit of it can change unseen.
const sealKey = "mlkit.sha256"

var unsealed = strings.Repeat("0", 2*sha256.Size)

// writeSealed writes a sealed safetensors file (see formats.WriteFile).
func writeSealed(path string, arrays []formats.Array, metadata map[string]string) error {
	metadata = maps.Clone(metadata)
	metadata[sealKey] = unsealed
	h := sha256.New()
	b := bufio.NewWriterSize(h, 1<<16)
	if err := formats.WriteSafetensors(b, arrays, metadata); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return err
	}
	metadata[sealKey] = hex.EncodeToString(h.Sum(nil))
	return formats.WriteFile(path, func(w io.Writer) error { return formats.WriteSafetensors(w, arrays, metadata) })
}

// openSealed opens a safetensors file and checks its seal, if it has one.
func openSealed(path string) (*formats.Safetensors, error) {
	for attempt := 0; ; attempt++ {
		s, err := formats.OpenSafetensors(path)
		if err != nil {
			return nil, err
		}
		sum, ok := s.Metadata[sealKey]
		if !ok {
			for key := range s.Metadata {
				if key == checkpointKey || key == historyKey || strings.HasPrefix(key, partPrefix) {
					s.Close()
					return nil, fmt.Errorf("%s: the file is damaged, or of an older version: it holds a training or a model without a checksum", path)
				}
			}
			return s, nil
		}
		if err = checkSeal(path, sum); err == nil {
			return s, nil
		}
		s.Close()
		if attempt == 2 { // else it may just have been replaced by the next one
			return nil, err
		}
	}
}

func checkSeal(path, sum string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var size [8]byte
	if _, err := io.ReadFull(f, size[:]); err != nil {
		return err
	}
	n := binary.LittleEndian.Uint64(size[:])
	if n > 1<<30 {
		return fmt.Errorf("%s: a header of %d bytes", path, n)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(f, header); err != nil {
		return err
	}
	h := sha256.New()
	h.Write(size[:])
	h.Write(bytes.Replace(header, []byte(sum), []byte(unsealed), 1))
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if hex.EncodeToString(h.Sum(nil)) != sum {
		return fmt.Errorf("%s: the file is damaged, or was changed by another program: its contents do not have the SHA-256 in its metadata (%s)", path, sealKey)
	}
	return nil
}
