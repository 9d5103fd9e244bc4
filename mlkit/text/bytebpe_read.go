package text

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ReadByteBPE reads the tokenizer.json of a byte-level BPE, as Hugging Face's
// tokenizers write it for GPT-2, SmolLM2 and their like. Whatever in it would
// change ids and is not known here (a normalizer, another pre-tokenizer or
// model, truncation, padding) is an error that names it. Older files, GPT-2's
// own among them, do not name their model: one with merges is a BPE.
func ReadByteBPE(r io.Reader) (*ByteBPE, error) {
	file, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("text: tokenizer.json: %w", err)
	}
	var kind struct {
		Model struct {
			Type   string          `json:"type"`
			Merges json.RawMessage `json:"merges"`
		} `json:"model"`
	}
	var j tokenizerJSON
	err = json.Unmarshal(file, &kind)
	if m := kind.Model; err == nil && m.Type != "BPE" && (m.Type != "" || !set(m.Merges)) {
		err = fmt.Errorf("the model is %q, not a BPE; WordPiece is read from its vocab.txt", kind.Model.Type)
	}
	if err == nil {
		err = json.Unmarshal(file, &j)
	}
	if err != nil {
		return nil, fmt.Errorf("text: tokenizer.json: %w", err)
	}
	c, err := j.byteBPE()
	if err != nil {
		return nil, fmt.Errorf("text: tokenizer.json: %w", err)
	}
	return c.build()
}

type tokenizerJSON struct {
	Truncation    json.RawMessage `json:"truncation"`
	Padding       json.RawMessage `json:"padding"`
	Normalizer    *step           `json:"normalizer"`
	PreTokenizer  *step           `json:"pre_tokenizer"`
	PostProcessor *step           `json:"post_processor"`
	AddedTokens   []struct {
		ID         int32  `json:"id"`
		Content    string `json:"content"`
		Special    bool   `json:"special"`
		SingleWord bool   `json:"single_word"`
		LStrip     bool   `json:"lstrip"`
		RStrip     bool   `json:"rstrip"`
	} `json:"added_tokens"`
	Model struct {
		Dropout      float64           `json:"dropout"`
		Prefix       string            `json:"continuing_subword_prefix"`
		Suffix       string            `json:"end_of_word_suffix"`
		ByteFallback bool              `json:"byte_fallback"`
		IgnoreMerges bool              `json:"ignore_merges"`
		Vocab        map[string]int32  `json:"vocab"`
		Merges       []json.RawMessage `json:"merges"`
	} `json:"model"`
}

// step is one of a tokenizer's steps, with the settings of those that are
// known.
type step struct {
	Type             string  `json:"type"`
	PreTokenizers    []*step `json:"pretokenizers"`
	AddPrefixSpace   bool    `json:"add_prefix_space"`
	UseRegex         *bool   `json:"use_regex"`
	IndividualDigits bool    `json:"individual_digits"`
}

// set tells whether a setting is there and not null.
func set(m json.RawMessage) bool { return len(m) > 0 && string(m) != "null" }

func (j *tokenizerJSON) byteBPE() (c byteBPE, err error) {
	m := &j.Model
	switch {
	case set(j.Truncation) || set(j.Padding):
		return c, fmt.Errorf("its truncation (%.60s) or padding (%.60s) would cut ids off or add some: make both null, and cut and pad batches yourself", j.Truncation, j.Padding)
	case m.Vocab == nil || m.Merges == nil:
		return c, errors.New("the model has no vocab or no merges: the file is damaged")
	case m.Dropout != 0 || m.Prefix != "" || m.Suffix != "" || m.ByteFallback:
		return c, fmt.Errorf("a BPE with dropout %v, continuing_subword_prefix %q, end_of_word_suffix %q, byte_fallback %v is not known: byte-level ones have none of these", m.Dropout, m.Prefix, m.Suffix, m.ByteFallback)
	case j.Normalizer != nil:
		return c, fmt.Errorf("the normalizer %q is not known: byte-level BPE has none", j.Normalizer.Type)
	case j.PostProcessor != nil && j.PostProcessor.Type != "ByteLevel":
		return c, fmt.Errorf("the post_processor %q, which would add tokens, is not known", j.PostProcessor.Type)
	}
	if c.digits, err = j.PreTokenizer.digits(); err != nil {
		return c, err
	}
	c.whole = m.IgnoreMerges
	size := len(m.Vocab)
	for _, a := range j.AddedTokens {
		if _, there := m.Vocab[a.Content]; !there {
			size++
		}
	}
	c.tokens, c.special = make([]string, size), map[string]int32{}
	place := func(token string, id int32) error {
		if id < 0 || int(id) >= size {
			return fmt.Errorf("the token %.100q has id %d, but there are %d tokens", token, id, size)
		}
		if was := c.tokens[id]; was != "" && was != token || token == "" {
			return fmt.Errorf("id %d is that of %.100q and of %.100q", id, was, token)
		}
		c.tokens[id] = token
		return nil
	}
	for token, id := range m.Vocab {
		if err := place(token, id); err != nil {
			return c, err
		}
	}
	for _, a := range j.AddedTokens {
		if !a.Special || a.SingleWord || a.LStrip || a.RStrip {
			return c, fmt.Errorf("the added token %.100q is not known: only special ones are, without single_word, lstrip and rstrip", a.Content)
		}
		if err := place(a.Content, a.ID); err != nil {
			return c, err
		}
		c.special[a.Content] = a.ID
	}
	for i, raw := range m.Merges {
		var one string
		var list []string
		if json.Unmarshal(raw, &list) == nil && len(list) == 2 {
			one = list[0] + " " + list[1]
		} else if json.Unmarshal(raw, &one) != nil || strings.Count(one, " ") != 1 {
			return c, fmt.Errorf("merge %d is %.100s: it must be two pieces", i, raw)
		}
		c.merges = append(c.merges, one)
	}
	return c, nil
}

// digits checks that a pre-tokenizer is GPT-2's, and tells whether it cuts out
// digits first.
func (s *step) digits() (bool, error) {
	if s == nil {
		return false, fmt.Errorf("there is no pre_tokenizer; want ByteLevel")
	}
	steps, digits := []*step{s}, false
	if s.Type == "Sequence" {
		steps = s.PreTokenizers
	}
	if len(steps) == 2 && steps[0] != nil && steps[0].Type == "Digits" && steps[0].IndividualDigits {
		steps, digits = steps[1:], true
	}
	if len(steps) != 1 || steps[0] == nil || steps[0].Type != "ByteLevel" {
		var types []string
		for _, s := range steps {
			if s != nil {
				types = append(types, s.Type)
			}
		}
		return false, fmt.Errorf("the pre_tokenizer %q is not known: want ByteLevel, alone or after Digits with individual_digits", types)
	}
	if last := steps[0]; last.AddPrefixSpace || last.UseRegex != nil && !*last.UseRegex {
		return false, fmt.Errorf("the pre_tokenizer ByteLevel with add_prefix_space, or without use_regex, is not known")
	}
	return digits, nil
}

// ByteBPEFromGGUF makes the tokenizer that the values of a GGUF file describe:
// "tokenizer.ggml.tokens", "…merges", "…token_type" of the model "gpt2", with
// the pre-tokenizer "gpt-2" or "smollm". Others are an error that names them.
func ByteBPEFromGGUF(values map[string]any) (*ByteBPE, error) {
	const prefix = "tokenizer.ggml."
	if model, _ := values[prefix+"model"].(string); model != "gpt2" {
		return nil, fmt.Errorf("text: GGUF: the tokenizer is %q, not a byte-level BPE (%q)", model, "gpt2")
	}
	var c byteBPE
	switch pre, _ := values[prefix+"pre"].(string); pre {
	case "gpt-2":
	case "smollm":
		c.digits = true
	default:
		return nil, fmt.Errorf("text: GGUF: the pre-tokenizer %q is not known; gpt-2 and smollm are", pre)
	}
	for _, add := range []string{"add_space_prefix", "add_bos_token", "add_eos_token"} {
		if v, there := values[prefix+add]; there && v != false {
			return nil, fmt.Errorf("text: GGUF: %s%s is %v, which is not known: it would change ids", prefix, add, v)
		}
	}
	var ok bool
	if c.tokens, ok = values[prefix+"tokens"].([]string); !ok {
		return nil, fmt.Errorf("text: GGUF: there are no %stokens", prefix)
	}
	types, ok := values[prefix+"token_type"].([]int32)
	if !ok || len(types) != len(c.tokens) {
		return nil, fmt.Errorf("text: GGUF: %stoken_type must give a type to each of %d tokens", prefix, len(c.tokens))
	}
	c.special = map[string]int32{}
	for i, t := range types {
		switch t {
		case ggufNormal:
		case ggufControl, ggufUserDefined, ggufUnused:
			c.special[c.tokens[i]] = int32(i)
		default:
			return nil, fmt.Errorf("text: GGUF: token %d, %.100q, has type %d, which is not known", i, c.tokens[i], t)
		}
	}
	if c.merges, ok = values[prefix+"merges"].([]string); !ok {
		return nil, fmt.Errorf("text: GGUF: there are no %smerges", prefix)
	}
	for i, m := range c.merges {
		if strings.Count(m, " ") != 1 {
			return nil, fmt.Errorf("text: GGUF: merge %d is %.100q: it must be two pieces", i, m)
		}
	}
	return c.build()
}

// The types of tokens in GGUF.
const (
	ggufNormal      = 1
	ggufControl     = 3
	ggufUserDefined = 4
	ggufUnused      = 5
)
