package models

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"descent/mlkit/formats"
	"descent/mlkit/internal/kernel/blocks"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
	"descent/mlkit/text"
)

// LlamaFile is a model in an open GGUF file, whose quantized weights stay
// there.
type LlamaFile struct {
	*Llama
	Tokens *text.ByteBPE
	// End is the token that ends an answer; −1 for none.
	End int32

	file *formats.GGUF
}

// Close closes the file; the model must not be used any more.
func (f *LlamaFile) Close() error { return f.file.Close() }

// OpenLlama opens a model of the architecture "llama" in a GGUF file, with its
// tokenizer. Weights of Q8_0, Q4_0 and Q4_1 stay in the file, which is mapped
// into memory; others become float32. Whatever the file has beside the weights
// of a [Llama] is an error that names it.
func OpenLlama(path string) (*LlamaFile, error) {
	g, err := formats.OpenGGUF(path)
	if err != nil {
		return nil, err
	}
	f := &LlamaFile{file: g, End: -1}
	if err = f.read(); err != nil {
		g.Close()
		return nil, fmt.Errorf("models: %s: %w", path, err)
	}
	return f, nil
}

// Unpacked is the model with all weights in float32, eight times the memory of
// four bits, for training: it outlives the file.
func (f *LlamaFile) Unpacked() (*Llama, error) {
	m := NewLlama(nn.NewRand(1), f.Size)
	if f.Output != nil {
		m.Output = &nn.Linear{Weight: tensor.NewParam(f.Size.Vocabulary, f.Size.Width)}
	}
	for _, n := range nn.State(m) {
		if err := f.file.ReadFloats(n.Name, n.Param.Data); err != nil {
			return nil, fmt.Errorf("models: %w", err)
		}
	}
	return m, nil
}

func (f *LlamaFile) read() (err error) {
	if f.Tokens, err = text.ByteBPEFromGGUF(f.file.Values); err != nil {
		return err
	}
	if end, ok := f.file.Values["tokenizer.ggml.eos_token_id"].(uint32); ok && end < uint32(len(f.Tokens.Tokens)) {
		f.End = int32(end)
	}
	for _, list := range []string{"merges", "scores", "token_type"} { // megabytes that nobody needs any more
		delete(f.file.Values, "tokenizer.ggml."+list)
	}
	s, err := llamaSize(f.file.Values, len(f.Tokens.Tokens))
	if err != nil {
		return err
	}
	r := &llamaReader{file: f.file, used: map[string]bool{}}
	m := &Llama{Size: s, OutputNorm: r.norm("output_norm", s)}
	if l := r.layer("token_embd", s.Width, s.Vocabulary); r.err == nil {
		if q, ok := l.(*Quantized); ok {
			m.TokenEmbd = q
		} else {
			m.TokenEmbd = tiedTable{&nn.Embedding{Weight: l.(*nn.Linear).Weight, Padding: -1}}
		}
	}
	if _, apart := f.file.Info("output.weight"); apart {
		m.Output = r.layer("output", s.Width, s.Vocabulary)
	}
	kv := s.Width / s.Heads * s.KVHeads
	for i := range s.Layers {
		if r.err != nil {
			break
		}
		layer := func(name string, in, out int) nn.Layer { return r.layer(fmt.Sprintf("blk.%d.%s", i, name), in, out) }
		norm := func(name string) *nn.RMSNorm { return r.norm(fmt.Sprintf("blk.%d.%s", i, name), s) }
		b := &LlamaBlock{AttnNorm: norm("attn_norm"), AttnQ: layer("attn_q", s.Width, s.Width),
			AttnK: layer("attn_k", s.Width, kv), AttnV: layer("attn_v", s.Width, kv),
			AttnOutput: layer("attn_output", s.Width, s.Width), FFNNorm: norm("ffn_norm"),
			FFNGate: layer("ffn_gate", s.Width, s.Hidden), FFNUp: layer("ffn_up", s.Width, s.Hidden),
			FFNDown: layer("ffn_down", s.Hidden, s.Width)}
		if r.err == nil && (!alike(b.AttnQ, b.AttnK, b.AttnV) || !alike(b.FFNGate, b.FFNUp)) {
			r.err = fmt.Errorf("block %d has quantized weights beside others, which is not known", i)
		}
		m.Blocks = append(m.Blocks, b)
	}
	for _, name := range f.file.Names() {
		if r.err == nil && !r.used[name] {
			r.err = fmt.Errorf("the tensor %q is none of a Llama's", name)
		}
	}
	f.Llama = m
	return r.err
}

// alike reports whether all layers are quantized, or none.
func alike(layers ...nn.Layer) bool {
	_, first := layers[0].(*Quantized)
	return !slices.ContainsFunc(layers, func(l nn.Layer) bool { _, q := l.(*Quantized); return q != first })
}

// llamaSize reads the sizes of a model.
func llamaSize(values map[string]any, vocabulary int) (LlamaSize, error) {
	if a, _ := values["general.architecture"].(string); a != "llama" {
		return LlamaSize{}, fmt.Errorf("the architecture is %q, not llama", a)
	}
	var err error
	number := func(name string) int {
		n, ok := values["llama."+name].(uint32)
		if (!ok || n < 1 || n > 1<<24) && err == nil {
			err = fmt.Errorf("llama.%s is %v: it must be a positive number", name, values["llama."+name])
		}
		return int(n)
	}
	s := LlamaSize{Vocabulary: vocabulary, Layers: number("block_count"), Width: number("embedding_length"), Heads: number("attention.head_count"), Hidden: number("feed_forward_length")}
	s.KVHeads = s.Heads
	if _, ok := values["llama.attention.head_count_kv"]; ok {
		s.KVHeads = number("attention.head_count_kv")
	}
	if eps, ok := values["llama.attention.layer_norm_rms_epsilon"].(float32); ok && eps > 0 {
		s.Eps = eps
	} else if err == nil {
		err = errors.New("llama.attention.layer_norm_rms_epsilon is missing")
	}
	if v, ok := values["llama.rope.freq_base"]; ok {
		base, is := v.(float32)
		if s.RopeBase = float64(base); (!is || !(base > 0)) && err == nil {
			err = fmt.Errorf("llama.rope.freq_base is %v: it must be a positive number of type float32", v)
		}
	}
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return s, err
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		key, ours := strings.CutPrefix(name, "llama.")
		if !ours {
			continue
		}
		switch v := values[name]; key {
		case "rope.dimension_count", "attention.key_length", "attention.value_length":
			if v != uint32(s.Width/s.Heads) {
				return s, fmt.Errorf("%s is %v, but heads have %d columns: turning a part of them, and other heads, are not known", name, v, s.Width/s.Heads)
			}
		case "vocab_size":
			if v != uint32(vocabulary) {
				return s, fmt.Errorf("%s is %v, but the tokenizer has %d tokens", name, v, vocabulary)
			}
		default:
			if !slices.Contains(llamaKeys, key) {
				return s, fmt.Errorf("%s is not known, and may change what the model computes", name)
			}
		}
	}
	return s, nil
}

// llamaKeys are what a file says under llama. and is read above, or says
// nothing about how to compute.
var llamaKeys = []string{"block_count", "embedding_length", "feed_forward_length", "attention.head_count", "attention.head_count_kv",
	"attention.layer_norm_rms_epsilon", "rope.freq_base", "context_length"}

// llamaReader reads weights, until something is wrong.
type llamaReader struct {
	file *formats.GGUF
	used map[string]bool
	err  error
}

func (r *llamaReader) info(name string, dims ...int) (formats.TensorInfo, bool) {
	info, ok := r.file.Info(name)
	switch {
	case r.err != nil:
		return info, false
	case !ok:
		r.err = fmt.Errorf("the tensor %q is missing", name)
	case !slices.Equal(info.Dims, dims):
		r.err = fmt.Errorf("the tensor %q is %v, want %v", name, info.Dims, dims)
	}
	r.used[name] = true
	return info, r.err == nil
}

func (r *llamaReader) floats(name string, dims ...int) *tensor.Param {
	if _, ok := r.info(name, dims...); !ok {
		return nil
	}
	data, err := r.file.Floats(name)
	if err != nil {
		r.err = err
		return nil
	}
	return tensor.ParamOf(data, dims...)
}

func (r *llamaReader) norm(name string, s LlamaSize) *nn.RMSNorm {
	return &nn.RMSNorm{Weight: r.floats(name+".weight", s.Width), Eps: s.eps()}
}

func (r *llamaReader) layer(name string, in, out int) nn.Layer {
	name += ".weight"
	info, ok := r.info(name, out, in)
	if !ok {
		return nil
	}
	kind, quantized := quantizedKinds[info.DType]
	if !quantized {
		return &nn.Linear{Weight: r.floats(name, out, in)}
	}
	data, err := r.file.Map(name)
	if err != nil {
		r.err = err
	}
	return &Quantized{blocks.Matrix{Kind: kind, Rows: out, Cols: in, Data: data}}
}
