package nb

import "testing"

func TestPlain(t *testing.T) {
	for markdown, want := range map[string]string{
		"The rate $\\alpha<2/\\lambda_{\\max}$ **converges**; see [section 3](03-gradient-descent.ipynb).": "The rate α<2/λmax converges; see section 3.",
		"The *slope* is $\\hat y=\\theta x$ with $\\frac{1}{n}\\sum_i x_i^2$.":                             "The slope is y\u0302=θx with 1/nΣi xi².",
		"A loss:\n\n$$L(\\theta)=\\frac12\\theta^2$$\n\nIt falls.":                                         "A loss: … It falls.",
		"| a | b |\n|---|:--|\n| 1 | `x_1` |":                                                              "a · b 1 · x_1",
		"> quoted\n\n- one\n- two":                                                                         "quoted one two",
		"<details><summary>Solution</summary>\n\n3 &lt; 4, a < b\n\n</details>":                            "Solution 3 < 4, a < b",
		"![A leads to B](images/charts/ab.png)":                                                            "A leads to B",
		"2 * 3 * 4 and snake_case and $5":                                                                  "2 * 3 * 4 and snake_case and $5",
		"梯度下降 · gradient":                                                                                  "梯度下降 · gradient",
		"$\\sqrt{\\kappa}$ and $QK^\\top/\\sqrt d$":                                                        "√κ and QKᵀ/√d",
	} {
		if got := Plain(markdown); got != want {
			t.Errorf("%q: %q, want %q", markdown, got, want)
		}
	}
}
