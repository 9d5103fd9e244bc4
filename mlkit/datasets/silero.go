package datasets

import (
	"bytes"
	"descent/mlkit/formats"
	"fmt"
)

// silero carries a trained voice-activity detector (MIT).
var silero = wheel{
	name: "silero-vad", version: "6.2.3",
	file:     "silero_vad-6.2.3-py3-none-any.whl",
	platform: []string{"--python-version", "3.12"},
	sha256:   "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
}

// SileroVAD is the weights of a trained network that detects speech in sound at
// 16 kHz: 309,633 numbers in 15 tensors (Silero Team, Silero VAD 6.2.3, 2025;
// MIT). It need not be closed.
func SileroVAD() (*formats.Safetensors, error) {
	path, err := silero.path()
	if err != nil {
		return nil, err
	}
	b, err := member(path, "silero_vad/data/silero_vad_16k.safetensors", 1<<22)
	if err != nil {
		return nil, err
	}
	s, err := formats.NewSafetensors(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, fmt.Errorf("datasets: Silero VAD: %w", err)
	}
	return s, nil
}
