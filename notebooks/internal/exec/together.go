package exec

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"descent/notebooks/internal/nb"
	"descent/notebooks/internal/session"
	"descent/notebooks/internal/setup"
)

//go:embed go.sh
var goCommand string

//go:embed goimports.sh
var goimportsCommand string

// together returns a copy of the notebook whose code cells need few
// compilations. Most of the time of a cell that computes little goes into
// linking its program. Here the first cell of each group (see nb.Group)
// declares what all of the group declare, and every cell has the same main
// function, which runs the statements of the cell that its argument names: one
// program, linked once, started anew for each cell. So each cell runs by itself
// in the kernel, in its order, and shows what it would show alone; what
// compiles and what does not is the same, too.
func together(n *nb.Notebook) *nb.Notebook {
	n = n.Clone()
	cells := n.Cells()
	groups, programs := nb.Group(cells)
	for _, group := range groups {
		if len(group) == 1 {
			continue
		}
		var imports, declarations, main strings.Builder
		main.WriteString("switch flag.Arg(0) {\n")
		for _, i := range group {
			imports.WriteString(programs[i].Imports + "\n")
			declarations.WriteString(programs[i].Declarations + "\n")
			if strings.TrimSpace(programs[i].Main) != "" {
				fmt.Fprintf(&main, "case \"%d\":\nfunc() {\n%s\n}()\n", i, programs[i].Main)
			}
		}
		main.WriteString("}\n")
		for k, i := range group {
			source := fmt.Sprintf("%%%% %d\n%s", i, &main)
			if k == 0 {
				source = imports.String() + declarations.String() + source
			}
			cells[i].SetSource(source)
		}
	}
	return n
}

// quickGo puts goCommand and goimportsCommand first on the path of the
// session's kernel, and returns the variables that say so.
func quickGo(s *session.Session, env *setup.Env) (map[string]string, error) {
	data, err := os.ReadFile(filepath.Join(env.KernelDir(), "kernel.json"))
	if err != nil {
		return nil, err
	}
	var spec map[string]any
	if err := json.Unmarshal(data, &spec); err != nil {
		return nil, err
	}
	vars, _ := spec["env"].(map[string]any)
	path, _ := vars["PATH"].(string)
	bin, dir := filepath.Join(s.Dir, "bin"), filepath.Join(s.Dir, "share", "kernels", setup.KernelName)
	vars["PATH"] = bin + string(filepath.ListSeparator) + path
	vars["DESCENT_GO"] = env.Go()
	if data, err = json.Marshal(spec); err != nil {
		return nil, err
	}
	for name, text := range map[string]string{
		filepath.Join(bin, "go"):          goCommand,
		filepath.Join(bin, "goimports"):   goimportsCommand,
		filepath.Join(dir, "kernel.json"): string(data),
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return nil, err
		}
		if err := os.WriteFile(name, []byte(text), 0o700); err != nil {
			return nil, err
		}
	}
	return map[string]string{"JUPYTER_PATH": filepath.Join(s.Dir, "share")}, nil
}
