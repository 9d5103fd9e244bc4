// Package show displays figures, images, tables, sound and progress. The same
// program works in three places. In a GoNB notebook, Show puts the picture into
// the output of the cell. In a plain Go program, Save writes a PNG file, and
// Show does nothing unless SaveTo has named a folder. In tests, Image returns
// the pixels.
//
//	show.Plot("Training loss", "step", "cross-entropy").
//		Line("train", nil, train).
//		Line("validation", nil, val).
//		LogY().
//		Show()
//
// # The theme
//
// All pictures share one look: 640×400 CSS pixels drawn at twice that density,
// one sans-serif font that is compiled into the program, the Okabe-Ito colours,
// an opaque white background (readable in a dark theme), a light grid, and a
// legend above the data, never over it. Titles and labels are plain text in
// which ^{…} is a superscript and _{…} a subscript.
//
// Latin, Greek and Cyrillic letters look the same on every machine. Other
// characters, such as Chinese or emoji, are drawn with an installed font that
// has them, or with the font file named by the environment variable MLKIT_FONT.
// If there is none they are drawn as boxes, and one message on the standard
// error says what to install. Scripts that run from right to left or join their
// letters are drawn letter by letter from left to right.
//
// # Pictures that move
//
// Slider, DragFit and DragDescent make pictures that follow the reader. Each is
// one self-contained fragment of HTML: a slider holds its pictures, and a
// figure to drag computes a line or a path anew in a few lines of script. No
// kernel takes part. A widget with a kernel, as gonbui offers it, can compute
// anything, but it stays in the saved file when the kernel is gone and does
// nothing there, waits for ever where no browser answers, and works neither
// behind HTTPS nor in an exported page. These move in JupyterLab, on Colab, in
// an exported page and from a file, by mouse, finger and keyboard. Where
// scripts are not allowed, as on a code host or in a notebook that the reader
// does not trust, the picture that Show displays before them stays, with a line
// that says where it moves.
//
// # Alternative text
//
// Every picture has a text for readers who cannot see it. By default it is
// derived from the title, the axes and the names of the series; Alt sets
// another. In a notebook the text is part of the picture's output: as
// text/plain, and as the entry "alt" of the output's metadata, where
// nbconvert's classic template looks for it. (The lab template and JupyterLab
// have no place for it, so an export has to copy it into the page.) Sliders and
// animations have it as the alt attribute of their img element.
//
// # Guarantees
//
// Every display waits until the kernel has received it, so nothing is lost when
// the cell ends. The same data gives the same bytes. Values that are not finite
// are left out and counted in a note under the figure. Show never panics on bad
// input, such as slices of different lengths: it displays the message in place
// of the picture and writes it to the standard error. Save, PNG and Image
// return it as an error.
package show
