package command

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"descent/notebooks/internal/nb"
)

func TestLoaded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.ipynb")
	os.WriteFile(path, []byte(`{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [
		{"cell_type": "markdown", "metadata": {}, "source": "datasets.Wine() is not a call"},
		{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": null, "source":
			"// datasets.Iris is none either\ntrain, _, err := datasets.MNIST()\nlarge := datasets.BCCD(o)"}]}`), 0o600)
	n, err := nb.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := loaded([]*nb.Notebook{n}); !slices.Equal(got, []string{"BCCD", "MNIST"}) {
		t.Errorf("%v, want BCCD and MNIST", got)
	}
}
