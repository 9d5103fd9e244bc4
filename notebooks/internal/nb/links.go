package nb

import "strings"

// RewriteLinks replaces the target of every Markdown link and picture of a text
// cell by what to returns for it, outside fences. "" leaves the target.
func (c Cell) RewriteLinks(to func(target string) string) {
	if !c.IsMarkdown() {
		return
	}
	open := ""
	lines := strings.Split(c.Source(), "\n")
	for i, line := range lines {
		if m := fence.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			switch {
			case open == "":
				open = m[1]
			case strings.HasPrefix(m[1], open) && m[2] == "":
				open = ""
			}
			continue
		}
		if open == "" {
			lines[i] = markdownLink.ReplaceAllStringFunc(line, func(link string) string {
				m := markdownLink.FindStringSubmatchIndex(link)
				if target := to(link[m[6]:m[7]]); target != "" {
					return link[:m[6]] + target + link[m[7]:]
				}
				return link
			})
		}
	}
	if source := strings.Join(lines, "\n"); source != c.Source() {
		c.SetSource(source)
	}
}
