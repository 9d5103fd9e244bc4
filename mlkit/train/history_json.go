package train

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// number is a float64 that JSON can hold also when it is NaN or infinite. Its
// text reads back as the same bits.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	if v := float64(n); math.IsNaN(v) || math.IsInf(v, 0) {
		return json.Marshal(strconv.FormatFloat(v, 'g', -1, 64))
	}
	return json.Marshal(float64(n))
}

func (n *number) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		v, err := strconv.ParseFloat(s, 64)
		*n = number(v)
		return err
	}
	return json.Unmarshal(b, (*float64)(n))
}

type epochJSON struct {
	Number       int
	Loss         number
	LearningRate number
	Metrics      map[string]number `json:",omitempty"`
	Time         time.Duration
}

// MarshalJSON writes the record so that UnmarshalJSON reads the same back, NaN
// and infinities included (as texts).
func (e Epoch) MarshalJSON() ([]byte, error) {
	j := epochJSON{Number: e.Number, Loss: number(e.Loss), LearningRate: number(e.LearningRate), Time: e.Time,
		Metrics: map[string]number{}}
	for k, v := range e.Metrics {
		j.Metrics[k] = number(v)
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *Epoch) UnmarshalJSON(b []byte) error {
	var j epochJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*e = Epoch{Number: j.Number, Loss: float64(j.Loss), LearningRate: float64(j.LearningRate), Time: j.Time,
		Metrics: map[string]float64{}}
	for k, v := range j.Metrics {
		e.Metrics[k] = float64(v)
	}
	return nil
}
