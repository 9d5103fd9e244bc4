# How Sphinx makes the site of the book. Nothing is executed: the notebooks'
# committed outputs are the site's.
project = "Model training and optimization, as a Go book that runs"
author = "descent"
copyright = ""
language = "en"
extensions = ["myst_nb", "sphinx.ext.githubpages"]  # the latter: _static is not hidden there
nb_execution_mode = "off"
nb_merge_streams = False  # done, in linear time
nb_render_image_options = {}
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header", "mystnb.unknown_mime_type", "misc.highlighting_failure"]
html_theme = "furo"
html_title = "descent"
html_static_path = ["_static"]
html_css_files = ["book.css"]
html_js_files = ["index.js", "book.js"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
mathjax_path = "tex-svg.js"
