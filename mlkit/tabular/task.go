package tabular

import (
	"errors"
	"fmt"

	"descent/mlkit/data"
	"descent/mlkit/internal/strictjson"
)

// A Task says how to make a problem of supervised learning of a table.
type Task struct {
	// Label is the column of classes, or Target that of numbers, which is the
	// answer; all other columns are features.
	Label, Target string
	// Encoding makes features of the others, fitted on the training part alone.
	Encoding Encoding
	// Test is the share of the rows that Prepare sets aside to test on, drawn
	// by Seed, with every class in its proportion (data.StratifiedSplit); 0
	// means none.
	Test float64
	Seed uint64
}

// Samples are a table as training and test sets, and what was learned to make
// them.
type Samples struct {
	Train, Test data.Dataset // Test is empty where Task.Test is 0
	Fold        data.Fold    // the rows of each

	Preprocessor *Preprocessor
}

// Prepare divides the rows, fits the encoder to the training part and encodes
// both parts; the classes are those of all rows:
//
//	iris, err := tabular.Task{Label: "class", Test: 0.2}.Prepare(table)
//	loader := &data.Loader{Dataset: iris.Train, BatchSize: 16, Shuffle: true}
func (p Task) Prepare(t *Table) (*Samples, error) {
	if !(p.Test >= 0 && p.Test < 1) {
		return nil, fmt.Errorf("tabular: a share of %v of the rows to test on: want 0 to below 1", p.Test)
	}
	answers, err := p.answers(t)
	if err != nil {
		return nil, err
	}
	strata := answers.labels
	if strata == nil {
		strata = make([]int32, t.Len())
	}
	s := &Samples{Fold: data.StratifiedSplit(strata, p.Test, p.Seed)}
	if len(s.Fold.Train) == 0 || p.Test > 0 && len(s.Fold.Test) == 0 {
		return nil, fmt.Errorf("tabular: a share of %v of %d rows leaves a part empty", p.Test, t.Len())
	}
	if s.Preprocessor, err = p.fit(t.Rows(s.Fold.Train), answers.classes); err != nil {
		return nil, err
	}
	all, err := s.Preprocessor.Dataset(t)
	if err != nil {
		return nil, err
	}
	s.Train, s.Test = data.Subset(all, s.Fold.Train), data.Subset(all, s.Fold.Test)
	return s, nil
}

// Fit learns from a table that is all for training: one of two files, or the
// rows of a fold (data.KFold, data.GroupKFold). Preprocessor.Dataset then makes
// the samples of both.
func (p Task) Fit(train *Table) (*Preprocessor, error) {
	answers, err := p.answers(train)
	if err != nil {
		return nil, err
	}
	return p.fit(train, answers.classes)
}

func (p Task) fit(train *Table, classes []string) (*Preprocessor, error) {
	enc, err := p.Encoding.fitAllBut(train, p.Label+p.Target)
	if err != nil {
		return nil, err
	}
	return &Preprocessor{Answer: p.Label + p.Target, Encoder: enc, Classes: classes}, nil
}

// answers are a column of labels, with the names of their classes, or of
// targets.
type answers struct {
	labels  []int32
	classes []string
	targets []float32
}

func (p Task) answers(t *Table) (a answers, err error) {
	switch {
	case (p.Label == "") == (p.Target == ""):
		err = errors.New("tabular: a Task has either a Label, a column of classes, or a Target, one of numbers")
	case p.Label != "":
		a.labels, a.classes, err = t.Labels(p.Label)
	default:
		a.targets, err = t.target(p.Target)
	}
	return a, err
}

// A Preprocessor is what a model of tables needs beside its weights: which
// column is the answer, how to make features of the others, and the names of
// the classes. It is saved and loaded whole as JSON, {"answer": "survived",
// "encoder": {…}, "classes": ["no", "yes"]}.
type Preprocessor struct {
	Answer  string
	Encoder *Encoder
	Classes data.Classes // nil of a regression
}

// Dataset makes samples of a table: the answers as labels that number
// p.Classes, whatever classes this table has, or as targets [1], and the
// features. A class that p does not know is an error.
func (p *Preprocessor) Dataset(t *Table) (data.Dataset, error) {
	c, err := t.Column(p.Answer)
	if err != nil {
		return nil, err
	}
	x, width, err := t.features(p.Answer, p.Encoder)
	if err != nil {
		return nil, err
	}
	if p.Classes != nil {
		labels, err := c.labels(p.Classes)
		if err != nil {
			return nil, err
		}
		return data.FromLabels(x, []int{width}, labels), nil
	}
	y, err := t.target(p.Answer)
	if err != nil {
		return nil, err
	}
	return data.FromSlices(x, []int{width}, y, []int{1}), nil
}

// preprocessorJSON is the form in which a Preprocessor is saved.
type preprocessorJSON struct {
	Answer  string        `json:"answer"`
	Encoder *Encoder      `json:"encoder"`
	Classes *data.Classes `json:"classes,omitempty"`
}

// MarshalJSON writes the answer, the encoder and the classes.
func (p Preprocessor) MarshalJSON() ([]byte, error) {
	j := preprocessorJSON{Answer: p.Answer, Encoder: p.Encoder}
	if p.Classes != nil {
		j.Classes = &p.Classes
	}
	if err := j.check(); err != nil {
		return nil, err
	}
	return strictjson.Marshal(j)
}

func (j preprocessorJSON) check() error {
	if j.Answer == "" || j.Encoder == nil {
		return errors.New("tabular: a Preprocessor has the name of an Answer and an Encoder")
	}
	return nil
}

// UnmarshalJSON reads what MarshalJSON wrote; p is unchanged after an error.
func (p *Preprocessor) UnmarshalJSON(b []byte) error {
	var j preprocessorJSON
	if err := strictjson.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("tabular: preprocessor: %w", err)
	}
	if err := j.check(); err != nil {
		return err
	}
	p.Answer, p.Encoder, p.Classes = j.Answer, j.Encoder, nil
	if j.Classes != nil {
		p.Classes = *j.Classes
	}
	return nil
}
