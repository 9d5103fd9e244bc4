package nb

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
)

// Inert representations do nothing in the page of one who trusts the notebook.
// All others count as active, HTML and formulas too: Jupyter passes them on as
// they are then. Code does nothing before it is run, and HTML in prose is never
// trusted.
var inert = []string{"image/png", "image/jpeg", "text/plain"}

// Active tells whether trust in the notebook would let the output do something,
// and if so the SHA-256 of all that it could do it with. The count of the cell
// and how the file breaks its lines make no difference.
func (o Output) Active() (digest string, active bool) {
	switch o.Kind() {
	case "stream", "error":
		return "", false
	case "display_data", "execute_result":
		if data, ok := o.raw["data"].(map[string]any); ok {
			for mime := range data {
				active = active || !slices.Contains(inert, mime)
			}
			if !active {
				return "", false
			}
		}
	}
	raw := clone(o.raw).(map[string]any)
	delete(raw, "execution_count")
	if data, ok := raw["data"].(map[string]any); ok {
		for mime, v := range data {
			if l := list(v); len(lines(v)) == len(l) && l != nil {
				data[mime] = text(v)
			}
		}
	}
	whole, err := json.Marshal(raw) // keys are sorted
	if err != nil {
		panic(err) // it was read from JSON
	}
	sum := sha256.Sum256(whole)
	return hex.EncodeToString(sum[:]), true
}

// ActiveOutputs returns the digests of a cell's active outputs. What is no
// output of the format is an error: another program may make something of it.
func (c Cell) ActiveOutputs() ([]string, error) {
	var digests []string
	outputs, ok := c.raw["outputs"].([]any)
	if !ok && c.raw["outputs"] != nil {
		return nil, fmt.Errorf("cell %d: its outputs are no list", c.Number)
	}
	for _, o := range outputs {
		raw, ok := o.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("cell %d: an output is no object", c.Number)
		}
		if digest, active := (Output{raw}).Active(); active {
			digests = append(digests, digest)
		}
	}
	return digests, nil
}
