package nb

import (
	"html"
	"regexp"
	"strings"
)

// Plain turns Markdown into the words that a reader sees, on one line: links
// become their texts, formulas letters as far as they can, pictures their
// alternative texts. It is for looking things up and for excerpts; Sphinx sets
// the pages.
func Plain(markdown string) string {
	s := display.ReplaceAllString(markdown, " … ")
	s = inline.ReplaceAllStringFunc(s, func(m string) string { return formula(strings.Trim(m, "$")) })
	s = rule.ReplaceAllString(s, " ")
	s = pictureLink.ReplaceAllString(s, "$1")
	s = link.ReplaceAllString(s, "$1")
	s = tag.ReplaceAllString(s, " ")
	s = html.UnescapeString(s)
	s = leader.ReplaceAllString(s, "")
	s = strings.NewReplacer("**", "", "`", "", " | ", " · ", "|", " ", `\*`, "*", `\_`, "_").Replace(s)
	s = emphasis.ReplaceAllString(s, "$1$2$3")
	return strings.Join(strings.Fields(s), " ")
}

var (
	display     = regexp.MustCompile(`(?s)\$\$.*?\$\$|\\begin\{(align|equation)\*?\}.*?\\end\{(align|equation)\*?\}`)
	inline      = regexp.MustCompile(`\$[^$\n]+\$`)
	rule        = regexp.MustCompile(`(?m)^\s*\|?[ :|-]*---[ :|-]*$`)
	pictureLink = regexp.MustCompile(`!\[([^\]]*)\]\([^)]*\)`)
	link        = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	tag         = regexp.MustCompile(`</?[a-zA-Z][^>\n]*>|<!--.*?-->`)
	leader      = regexp.MustCompile(`(?m)^\s*(?:>|[-*+] |\d+\. |#{1,6} )\s*`)
	emphasis    = regexp.MustCompile(`(^|[^\w*])\*([^*\s][^*\n]*)\*([^\w*]|$)`)
)

// formula writes TeX's inline mathematics with letters and signs.
func formula(tex string) string {
	for range 4 { // fractions in fractions
		tex = fraction.ReplaceAllString(tex, "$1/$2")
		tex = root.ReplaceAllString(tex, "√$1")
	}
	tex = accent.ReplaceAllStringFunc(tex, func(m string) string {
		parts := accent.FindStringSubmatch(m)
		return parts[2] + accents[parts[1]]
	})
	tex = command.ReplaceAllStringFunc(tex, func(m string) string {
		if s, ok := signs[strings.TrimSpace(m[1:])]; ok {
			return s
		}
		switch name := strings.TrimSpace(m[1:]); name {
		case "max", "min", "log", "exp", "ln", "arg", "sin", "cos", "tanh", "det", "dim", "Pr":
			return name + " "
		}
		return "" // what only sets type
	})
	return strings.NewReplacer("{", "", "}", "", `\,`, " ", `\;`, " ", `\!`, "", `\ `, " ", `\%`, "%", `\_`, "_", `\|`, "‖", `\\`, " ", "~", " ", "^2", "²", "^3", "³", "^", "", "_", "").Replace(tex)
}

var (
	fraction = regexp.MustCompile(`\\[dt]?frac\s*(\{[^{}]*\}|\w)\s*(\{[^{}]*\}|\w)`)
	root     = regexp.MustCompile(`\\sqrt\s*(\{[^{}]*\}|\\?\w+)`)
	accent   = regexp.MustCompile(`\\(hat|bar|tilde|dot)\s*\{?(\\?\w)\w*\}?`)
	command  = regexp.MustCompile(`\\[a-zA-Z]+ ?`)
	accents  = map[string]string{"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303", "dot": "\u0307"}
	signs    = map[string]string{
		"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "Delta": "Δ", "epsilon": "ε", "varepsilon": "ε", "eta": "η", "theta": "θ", "kappa": "κ", "lambda": "λ", "Lambda": "Λ",
		"mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "Sigma": "Σ", "tau": "τ", "phi": "φ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Omega": "Ω",
		"times": "×", "cdot": "·", "odot": "⊙", "otimes": "⊗", "pm": "±", "mp": "∓", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠", "neq": "≠", "approx": "≈", "sim": "∼", "propto": "∝",
		"ll": "≪", "gg": "≫", "infty": "∞", "sum": "Σ", "prod": "Π", "int": "∫", "partial": "∂", "nabla": "∇", "to": "→", "rightarrow": "→", "leftarrow": "←", "gets": "←", "mapsto": "↦", "Rightarrow": "⇒",
		"in": "∈", "notin": "∉", "cdots": "…", "ldots": "…", "dots": "…", "top": "ᵀ", "lVert": "‖", "rVert": "‖", "Vert": "‖", "lvert": "|", "rvert": "|", "mid": "|", "ell": "ℓ", "circ": "∘", "quad": " ", "qquad": " ",
	}
)
