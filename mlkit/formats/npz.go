package formats

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxNPZ bounds what the arrays of an npz file may take together.
const maxNPZ = 1 << 31

// LoadNPZ reads the arrays of an npz file (np.savez, np.savez_compressed) with
// their names, in the order of the file.
func LoadNPZ(path string) ([]Array, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("formats: %w", err)
	}
	defer f.Close()
	arrays, err := readNPZ(f)
	if err != nil {
		return nil, fmt.Errorf("formats: %s: %w", path, err)
	}
	return arrays, nil
}

func readNPZ(file *os.File) (arrays []Array, err error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(file, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%w: not an npz file, or damaged", err)
	}
	most := uint64(min(unpacked(info.Size()), maxNPZ))
	var total, packed uint64
	seen := make(map[string]bool, len(z.File))
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			return nil, fmt.Errorf("%q in the archive is not an npy array: np.savez names each NAME.npy", f.Name)
		}
		if seen[name] {
			return nil, fmt.Errorf("%q is in the archive twice", f.Name)
		}
		seen[name] = true
		if total += f.UncompressedSize64; f.UncompressedSize64 > most || total > most {
			return nil, fmt.Errorf("the arrays take more than %d bytes, which a file of %d may hold: it is damaged or a decompression bomb; otherwise save them in several files, without compression", most, info.Size())
		}
		// Members that share their data would unpack to the square of the file.
		if packed += f.CompressedSize64; f.CompressedSize64 > uint64(info.Size()) || packed > uint64(info.Size()) {
			return nil, fmt.Errorf("%q: the members are larger than the file that holds them: it is damaged", f.Name)
		}
		a, err := readMember(f)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", f.Name, err)
		}
		a.Name = name
		arrays = append(arrays, a)
	}
	return arrays, nil
}

func readMember(f *zip.File) (Array, error) {
	r, err := f.Open()
	if err != nil {
		return Array{}, err
	}
	defer r.Close()
	// A stream that goes on past its declared size ends in zip's checksum
	// error, and is not followed.
	return readWholeNPY(io.LimitReader(r, int64(f.UncompressedSize64)+1))
}

// SaveNPZ writes named arrays to an npz file, which np.load reads.
func SaveNPZ(path string, arrays ...Array) error {
	err := WriteFile(path, func(w io.Writer) error {
		z := zip.NewWriter(w)
		seen := map[string]bool{}
		for _, a := range arrays {
			if seen[a.Name] {
				return fmt.Errorf("two arrays named %q", a.Name)
			}
			seen[a.Name] = true
			f, err := z.Create(a.Name + ".npy")
			if err != nil {
				return err
			}
			if err := WriteNPY(f, a); err != nil {
				return err
			}
		}
		return z.Close()
	})
	if err != nil {
		return fmt.Errorf("formats: %s: %w", path, err)
	}
	return nil
}
