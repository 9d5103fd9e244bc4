package nb

import (
	"strings"
	"testing"
)

func opening(t *testing.T, table string) *Notebook {
	t.Helper()
	n := &Notebook{Path: "book/00-start.ipynb", raw: map[string]any{"cells": []any{
		map[string]any{"cell_type": "markdown", "id": "title", "source": "# Start · 开始\n"},
		map[string]any{"cell_type": "markdown", "id": "map", "source": table},
	}}}
	return n
}

func TestContents(t *testing.T) {
	got, err := opening(t, "## The map\n\n![the order](images/charts/map.png)\n\n| notebook | about | to read |\n|---|:--|---|\n"+
		"| [06 Text](06-text.ipynb) | words, [links](x.md) | 30 min |\n| [06 Speech](06-speech.ipynb) | waves | 20 min |\n\nTimes are approximate.").Contents()
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got[0].File != "00-start.ipynb" || got[0].Title != "Start · 开始" || got[1].File != "06-text.ipynb" || got[1].Title != "06 Text" ||
		got[1].Columns["about"] != "words, [links](x.md)" || got[2].Columns["to read"] != "20 min" {
		t.Errorf("%+v", got)
	}
	for want, table := range map[string]string{
		"is empty":                 "## The map\n\nnothing",
		"begin with a link":        "| notebook | about |\n|---|---|\n| 06 Text | words |",
		"has not 2 columns":        "| notebook | about |\n|---|---|\n| [06 Text](06-text.ipynb) | words | more |",
		"link to a notebook":       "| notebook | about |\n|---|---|\n| [06 Text](06-text.md) | words |",
		"00-start.ipynb, cell 2: ": "",
	} {
		if _, err := opening(t, table).Contents(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
	n := opening(t, "")
	n.raw["cells"] = n.raw["cells"].([]any)[:1]
	if _, err := n.Contents(); err == nil || !strings.Contains(err.Error(), "restore it with git") {
		t.Error(err)
	}
}
