package datasets

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"descent/mlkit/data"
	"descent/mlkit/tabular"
)

// scikitLearn carries the classics as CSV (BSD-3).
var scikitLearn = wheel{
	name: "scikit-learn", version: "1.7.2",
	file:     "scikit_learn-1.7.2-cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
	platform: []string{"--platform", "manylinux2014_x86_64", "--implementation", "cp", "--abi", "cp312", "--python-version", "3.12"},
	sha256:   "e5bf3d930aee75a65478df91ac1225ff89cd28e9ac7bd1196853a9229b6adb0b",
}

// golearn carries Titanic and the house votes as CSV (MIT).
var golearn = goModule{
	path:    "github.com/sjwhitworth/golearn",
	version: "v0.0.0-20221228163002-74ae077eafb2",
	sum:     "h1:wv0gCxjJAuQJDUlOLsjM/1QPq0VF3tR7n3cMkEf3q+I=",
}

// sklearnFile reads a file of scikit-learn's data, unzipped.
func sklearnFile(name string) ([]byte, error) {
	path, err := scikitLearn.path()
	if err != nil {
		return nil, err
	}
	b, err := member(path, "sklearn/datasets/data/"+name, 1<<22)
	if err != nil || !strings.HasSuffix(name, ".gz") {
		return b, err
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err == nil {
		b, err = io.ReadAll(&bounded{r: z, left: 1 << 24})
	}
	if err != nil {
		return nil, fmt.Errorf("datasets: %s: %w", name, err)
	}
	return b, nil
}

// sklearnClasses reads a CSV file of scikit-learn: a first row with the number
// of rows, of features, and the classes; then features and a label a row.
func sklearnClasses(file string, rows int, features []string) (*tabular.Table, error) {
	b, err := sklearnFile(file)
	if err != nil {
		return nil, err
	}
	first, rest, _ := strings.Cut(string(b), "\n")
	head := strings.Split(strings.TrimSpace(first), ",")
	t, err := tabular.ReadCSV(strings.NewReader(rest), tabular.CSVOptions{NoHeader: true})
	if err != nil {
		return nil, fmt.Errorf("datasets: %s: %w", file, err)
	}
	if t.Len() != rows || len(t.Columns) != len(features)+1 {
		return nil, fmt.Errorf("datasets: %s: %d rows of %d columns, want %d of %d", file, t.Len(), len(t.Columns), rows, len(features)+1)
	}
	for i, name := range features {
		t.Columns[i].Name = name
	}
	class := &t.Columns[len(features)]
	class.Name = "class"
	for i, v := range class.Numbers {
		if k := int(v); k >= 0 && k < len(head)-2 {
			class.Texts = append(class.Texts, head[2+k])
		} else {
			return nil, fmt.Errorf("datasets: %s: row %d has class %v of %d", file, i, v, len(head)-2)
		}
	}
	class.Kind, class.Numbers = tabular.Category, nil
	return t, nil
}

// Iris is 150 iris flowers of three species: 4 lengths and widths in cm, and
// "class" (Fisher 1936; from scikit-learn).
func Iris() (*tabular.Table, error) {
	return sklearnClasses("iris.csv", 150, []string{"sepal length", "sepal width", "petal length", "petal width"})
}

// Wine is the chemical analysis of 178 wines of three growers: 13 figures, and
// "class" (Aeberhard & Forina 1991; from scikit-learn).
func Wine() (*tabular.Table, error) {
	return sklearnClasses("wine_data.csv", 178, []string{"alcohol", "malic acid", "ash", "alcalinity of ash", "magnesium", "total phenols", "flavanoids",
		"nonflavanoid phenols", "proanthocyanins", "color intensity", "hue", "od280/od315", "proline"})
}

// BreastCancer is 569 tumours with 30 measurements of their cell nuclei;
// "class" is malignant or benign (Wolberg, Street & Mangasarian 1995; from
// scikit-learn). Classes are in alphabetical order: benign is label 0 and
// malignant label 1, the reverse of scikit-learn's.
func BreastCancer() (*tabular.Table, error) {
	var names []string
	for _, kind := range []string{"mean ", "error of ", "worst "} {
		for _, what := range []string{"radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points", "symmetry", "fractal dimension"} {
			names = append(names, kind+what)
		}
	}
	return sklearnClasses("breast_cancer.csv", 569, names)
}

// Diabetes is 442 patients: age, sex (1, 2), body mass index, blood pressure
// and six blood serum figures, not scaled, and "progression" of the disease
// after a year (Efron et al., Least Angle Regression, 2004; from scikit-learn).
func Diabetes() (*tabular.Table, error) {
	x, err := sklearnFile("diabetes_data_raw.csv.gz")
	if err != nil {
		return nil, err
	}
	y, err := sklearnFile("diabetes_target.csv.gz")
	if err != nil {
		return nil, err
	}
	t, err := tabular.ReadCSV(bytes.NewReader(x), tabular.CSVOptions{NoHeader: true, Comma: ' '})
	if err != nil {
		return nil, fmt.Errorf("datasets: diabetes: %w", err)
	}
	target, err := tabular.ReadCSV(bytes.NewReader(y), tabular.CSVOptions{NoHeader: true})
	if err != nil {
		return nil, fmt.Errorf("datasets: diabetes: %w", err)
	}
	names := []string{"age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6", "progression"}
	t.Columns = append(t.Columns, target.Columns...)
	if len(t.Columns) != len(names) || t.Len() != 442 || target.Len() != 442 {
		return nil, fmt.Errorf("datasets: diabetes: %d columns of %d rows", len(t.Columns), t.Len())
	}
	for i, n := range names {
		t.Columns[i].Name = n
	}
	return t, nil
}

// Digits is 1,797 images of handwritten digits, 8×8 pixels, [1, 8, 8]. Their
// values from 0 to 16 become floats from 0 to 1 (Alpaydin & Kaynak 1998; the
// test part of the UCI set, from scikit-learn).
func Digits() (*data.Images, error) {
	b, err := sklearnFile("digits.csv.gz")
	if err != nil {
		return nil, err
	}
	t, err := tabular.ReadCSV(bytes.NewReader(b), tabular.CSVOptions{NoHeader: true})
	if err != nil {
		return nil, fmt.Errorf("datasets: digits: %w", err)
	}
	if t.Len() != 1797 || len(t.Columns) != 65 {
		return nil, fmt.Errorf("datasets: digits: %d rows of %d columns", t.Len(), len(t.Columns))
	}
	m := &data.Images{Dims: []int{1, 8, 8}, Scale: 1. / 16, Classes: digitNames}
	for i := range t.Len() {
		for _, c := range t.Columns[:64] {
			m.Pixels = append(m.Pixels, byte(c.Numbers[i]))
		}
		m.Labels = append(m.Labels, int32(t.Columns[64].Numbers[i]))
	}
	return m, nil
}

// golearnTable reads a CSV file of golearn's examples.
func golearnTable(file string, rows int, o tabular.CSVOptions) (*tabular.Table, error) {
	dir, err := golearn.dir()
	if err != nil {
		return nil, err
	}
	t, err := tabular.LoadCSV(filepath.Join(dir, "examples", "datasets", file), o)
	if err != nil {
		return nil, fmt.Errorf("datasets: %w", err)
	}
	if t.Len() != rows {
		return nil, fmt.Errorf("datasets: %s has %d rows, want %d", file, t.Len(), rows)
	}
	return t, nil
}

// Titanic is 889 passengers: "pclass" 1 to 3, "sex", the port of embarkation,
// and "survived" no or yes (Dawson 1995; from golearn, which numbers the
// categories; here they have their names again).
func Titanic() (*tabular.Table, error) {
	t, err := golearnTable("titanic.csv", 889, tabular.CSVOptions{NoHeader: true})
	if err != nil {
		return nil, err
	}
	for i, c := range []struct {
		name   string
		values []string // of 0, 1, …
	}{{"pclass", nil}, {"sex", []string{"female", "male"}}, {"embarked", []string{"Cherbourg", "Queenstown", "Southampton"}}, {"survived", []string{"no", "yes"}}} {
		t.Columns[i].Name = c.name
		if c.values != nil {
			if err := named(&t.Columns[i], c.values); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// HouseVotes is the votes of 435 members of the US House of Representatives on
// 16 bills of 1984, v1 to v16: 1 for yea, −1 for nay or unknown; and their
// "party" (Schlimmer 1987; from golearn).
func HouseVotes() (*tabular.Table, error) {
	return golearnTable("house-votes-84.csv", 435, tabular.CSVOptions{})
}

// named turns numbered categories into texts.
func named(c *tabular.Column, values []string) error {
	for i, v := range c.Numbers {
		if k := int(v); k < 0 || k >= len(values) || float64(k) != v {
			return fmt.Errorf("datasets: row %d has %s %s", i, c.Name, strconv.FormatFloat(v, 'g', -1, 64))
		}
		c.Texts = append(c.Texts, values[int(v)])
	}
	c.Kind, c.Numbers = tabular.Category, nil
	return nil
}
