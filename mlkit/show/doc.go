// Package show is what a reader of the book looks at: figures, images, tables, sound, progress. It works in three places without a
// change to the program: in a GoNB notebook, where Show puts the picture into the cell's output; in a plain Go program, where Save
// writes a PNG file and Show does nothing (or writes into the folder of SaveTo); and in tests, where Image gives the pixels.
//
//	show.Plot("Training loss", "step", "cross-entropy").
//		Line("train", nil, train).
//		Line("validation", nil, val).
//		LogY().
//		Show()
//
// # The theme
//
// Every picture looks the same way: 640×400 CSS pixels drawn at twice the density, one sans-serif font that travels with the
// program, the Okabe-Ito colours, a painted white ground (readable in a dark theme), a light grid, the legend above the data and
// never on it. Titles and labels are plain text in which ^{…} raises and _{…} lowers.
//
// Latin, Greek and Cyrillic letters look the same on every machine. Others, Chinese or an emoji, are drawn with a font of the machine
// that has them, or one that the environment variable MLKIT_FONT names. Without such a font they are boxes, and a message on the
// standard error says once what to install. Scripts whose letters join or run from right to left are not laid out.
//
// # Alternative text
//
// A picture always carries a text for readers who cannot see it. It is derived from the title, the axes and the names of the
// series; Alt replaces it by the author's sentence. In a notebook it travels in the same output as the picture: as text/plain, and
// as the entry "alt" of the output's metadata, where nbconvert's classic template looks for it (the lab template and JupyterLab have
// no place for it, so an export has to copy it into the page). Sliders and animations carry it as the alt attribute of their img.
//
// # Promises
//
// Every display waits until the kernel has it, so nothing is lost when the cell ends. The same data gives the same bytes. Values that
// are not finite are left out and counted under the figure. Bad input, such as slices of different lengths, is never a panic of
// Show: the cell shows the message in place of the picture and on the standard error; Save, PNG and Image return it.
package show
