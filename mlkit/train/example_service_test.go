package train_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tabular"
	"descent/mlkit/train"
)

// A model of a table is trained and saved with its preprocessing, as one file;
// a service knows that file and the shape of the network, nothing else, and
// answers with probabilities.
func ExampleSaveModel() {
	dir, err := os.MkdirTemp("", "service")
	check(err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "churn.safetensors")
	check(trainChurn(path))

	service, err := churnService(path)
	check(err)
	server := httptest.NewServer(service)
	defer server.Close()
	for _, customer := range []string{`{"months": 2, "plan": "basic"}`, `{"months": 50, "plan": "family"}`, `{"months": 50, "plan": "golden"}`} {
		answer, err := http.Post(server.URL, "application/json", strings.NewReader(customer))
		check(err)
		text, err := io.ReadAll(answer.Body)
		check(err)
		answer.Body.Close()
		fmt.Printf("%d %s", answer.StatusCode, text)
	}
	// Output:
	// 200 {"left":0.98,"stayed":0.02}
	// 200 {"left":0.01,"stayed":0.99}
	// 400 tabular: row 0 has "golden", which the training part lacks in column "plan": set Encoding.Unknown to give it a place
}

// churnNet is the network: it has an input for each feature and an output for
// each class.
func churnNet(p *tabular.Preprocessor) nn.Sequential {
	rng := nn.NewRand(1)
	return nn.Sequential{nn.NewLinear(rng, len(p.Encoder.Names), 8), nn.ReLU{}, nn.NewLinear(rng, 8, len(p.Classes))}
}

func trainChurn(path string) error {
	table, err := tabular.ReadCSV(strings.NewReader(`months,plan,churn
1,basic,left
3,basic,left
30,basic,stayed
2,family,left
24,family,stayed
40,family,stayed
5,basic,left
36,basic,stayed
4,family,stayed
48,family,stayed
`), tabular.CSVOptions{})
	if err != nil {
		return err
	}
	task, err := tabular.Task{Label: "churn", Encoding: tabular.Encoding{Scale: tabular.Standard}}.Prepare(table)
	if err != nil {
		return err
	}
	model := churnNet(task.Preprocessor)
	_, err = train.Fit(context.Background(), train.Supervised(model, nn.CrossEntropy), &data.Loader{Dataset: task.Train}, train.Config{Epochs: 60, Optimizer: optim.Adam(0.01)})
	if err != nil {
		return err
	}
	return train.SaveModel(path, model, train.Parts{"preprocessor": task.Preprocessor})
}

func churnService(path string) (http.Handler, error) {
	var pre tabular.Preprocessor
	var model nn.Sequential
	err := train.LoadModel(path, train.Parts{"preprocessor": &pre}, func() any { model = churnNet(&pre); return model })
	if err != nil {
		return nil, err
	}
	predictor := train.NewPredictor(model, train.Softmax) // for any number of requests at once
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var customer struct {
			Months float64
			Plan   string
		}
		if err := json.NewDecoder(r.Body).Decode(&customer); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		x, err := pre.Encoder.Encode(&tabular.Table{Columns: []tabular.Column{
			{Name: "months", Numbers: []float64{customer.Months}}, {Name: "plan", Texts: []string{customer.Plan}}}})
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		p, _, err := predictor.Predict(x, 1, len(x))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer := map[string]json.Number{}
		for i, class := range pre.Classes {
			answer[class] = json.Number(fmt.Sprintf("%.2f", p[i]))
		}
		json.NewEncoder(w).Encode(answer)
	}), nil
}
