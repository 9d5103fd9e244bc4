package nb

import (
	"strings"
	"testing"
	"time"
)

func TestReadingTime(t *testing.T) {
	read := func(kind, source string, outputs ...any) time.Duration {
		n := &Notebook{raw: map[string]any{"cells": []any{map[string]any{"cell_type": kind, "source": source, "outputs": outputs}}}}
		return n.ReadingTime().Round(time.Second)
	}
	for name, c := range map[string]struct{ got, want time.Duration }{
		"prose":    {read("markdown", strings.Repeat("a **word** ", 100)), time.Minute},
		"Chinese":  {read("markdown", strings.Repeat("过拟合", 100)), time.Minute},
		"code":     {read("code", strings.Repeat("f()\n\n", 20)), time.Minute},
		"figure":   {read("code", "f()\n", map[string]any{"data": map[string]any{"image/png": "x"}}), 18 * time.Second},
		"picture":  {read("markdown", "![](images/charts/a.png)"), 15 * time.Second},
		"formula":  {read("markdown", "$$\na=b\n$$"), 10 * time.Second},
		"solution": {read("markdown", "<details><summary>Solution</summary>\n\n"+strings.Repeat("word ", 100)+"</details>"), 0},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	for d, want := range map[time.Duration]time.Duration{0: 5, 7 * time.Minute: 5, 8 * time.Minute: 10, 33 * time.Minute: 35} {
		if got := Rounded(d); got != want*time.Minute {
			t.Errorf("%v: %v", d, got)
		}
	}
}
