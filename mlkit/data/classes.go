package data

import (
	"errors"
	"fmt"
	"slices"

	"descent/mlkit/internal/strictjson"
)

// Classes are the names of the labels 0, 1, …: what a saved model needs to say
// what its answers mean. They are saved and loaded as a JSON list, which must
// hold at least one name, none empty and none twice.
type Classes []string

// Label is the number of a class.
func (c Classes) Label(name string) (int32, error) {
	if i := slices.Index(c, name); i >= 0 {
		return int32(i), nil
	}
	return 0, fmt.Errorf("data: no class is named %q; there are %.200q", name, []string(c))
}

func (c Classes) check() error {
	if len(c) == 0 {
		return errors.New("data: no classes")
	}
	seen := make(map[string]int, len(c))
	for i, name := range c {
		if name == "" {
			return fmt.Errorf("data: class %d has no name", i)
		}
		if k, twice := seen[name]; twice {
			return fmt.Errorf("data: classes %d and %d are both named %q", k, i, name)
		}
		seen[name] = i
	}
	return nil
}

// MarshalJSON writes the names, in the order of their labels.
func (c Classes) MarshalJSON() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	return strictjson.Marshal([]string(c))
}

// UnmarshalJSON reads what MarshalJSON wrote; c is unchanged after an error.
func (c *Classes) UnmarshalJSON(b []byte) error {
	var names []string
	if err := strictjson.Unmarshal(b, &names); err != nil {
		return fmt.Errorf("data: classes: %w", err)
	}
	if err := Classes(names).check(); err != nil {
		return err
	}
	*c = names
	return nil
}
