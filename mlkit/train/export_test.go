package train

import "io"

// LiveProgress is Progress on a terminal.
func LiveProgress(w io.Writer) Callback { return progress(w, true) }

var Shorten = shorten
