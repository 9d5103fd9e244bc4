package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"descent/notebooks/internal/nb"
	"descent/notebooks/internal/session"
)

var originCommand = command{
	name: "origin", args: "[-branch main] [-none] [-colab DIR] [ADDRESS]",
	does: "write where the book is published (default: git's remote origin) into docker/colab.ipynb, and Colab's badges into the chapters; with -colab, write chapters into DIR whose links and pictures work on Colab, to be published as that branch",
}

func init() { originCommand.run = origin }

const (
	parametersTag = "parameters" // of the cell in colab.ipynb
	colabFile     = "docker/colab.ipynb"
)

var (
	repoLine = regexp.MustCompile(`(?m)^REPO = "[^"]*"`)
	badge    = regexp.MustCompile(`(?m)^\[!\[Open in Colab\]\([^)]*\)\]\([^)]*\).*\n\n?`)
	scpLike  = regexp.MustCompile(`^(?:[\w.-]+@)?([\w.-]+):([\w./~-]+)$`) // git@github.com:owner/name.git
)

func origin(ctx context.Context, args []string) error {
	flags := originCommand.flags()
	branch := flags.String("branch", "main", "the `branch` that Colab opens")
	none := flags.Bool("none", false, "forget the address and take the badges away")
	edition := flags.String("colab", "", "the `folder` to write the chapters for Colab into; the checkout stays as it is")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 1 || *none && (flags.NArg() > 0 || *edition != "") {
		flags.Usage()
		return errors.New("origin takes one address")
	}
	start, err := os.Getwd()
	if err != nil {
		return err
	}
	top, err := checkout(start)
	if err != nil {
		return err
	}
	address := ""
	if !*none {
		remote := flags.Arg(0)
		if remote == "" {
			if remote, err = gitOrigin(ctx, top); err != nil {
				return err
			}
		}
		if address, err = publicAddress(remote); err != nil {
			return err
		}
	}
	if *edition != "" {
		if err := writeColab(top, *edition, address, *branch); err != nil {
			return err
		}
		fmt.Printf("written for branch %s of %s: %s\n", *branch, address, *edition)
		return nil
	}
	changed, err := writeOrigin(top, address, *branch)
	for _, name := range changed {
		fmt.Println("changed", name)
	}
	if err == nil && len(changed) == 0 {
		fmt.Println("nothing to change")
	}
	if err == nil && address != "" && onGitHub(address) == "" {
		fmt.Println("Colab opens notebooks of github.com only: no badges")
	}
	return err
}

func gitOrigin(ctx context.Context, top string) (string, error) {
	cmd := osexec.CommandContext(ctx, "git", "-C", top, "remote", "get-url", "origin")
	session.Group(cmd)
	out, err := cmd.Output()
	if err != nil {
		return "", errors.New("git knows no remote \"origin\" of this checkout: give the address, or -none. Without one, colab.ipynb asks for an archive")
	}
	return strings.TrimSpace(string(out)), nil
}

// publicAddress returns the address that everybody can clone from: HTTPS,
// without a name, a password or a token.
func publicAddress(remote string) (string, error) {
	if m := scpLike.FindStringSubmatch(remote); m != nil && !strings.Contains(remote, "://") {
		remote = "https://" + m[1] + "/" + m[2]
	}
	u, err := url.Parse(remote)
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") == "" || strings.ContainsAny(u.Path, "\"\\\n") {
		return "", fmt.Errorf("%q is not the address of a repository, such as https://github.com/OWNER/descent", withoutSecret(remote))
	}
	host := u.Hostname()
	if u.Port() != "" && u.Scheme == "https" {
		host = u.Host
	}
	return "https://" + host + "/" + strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git"), nil
}

func withoutSecret(remote string) string {
	if _, after, found := strings.Cut(remote, "@"); found {
		return "…@" + after
	}
	return remote
}

// onGitHub returns OWNER/NAME, "" for another host.
func onGitHub(address string) string {
	path, found := strings.CutPrefix(address, "https://github.com/")
	if !found || strings.Count(path, "/") != 1 {
		return ""
	}
	return path
}

// writeOrigin writes the address, "" for none, into the notebooks and returns
// which have changed.
func writeOrigin(top, address, branch string) (changed []string, err error) {
	colab := filepath.Join(top, filepath.FromSlash(colabFile))
	paths, err := filepath.Glob(filepath.Join(top, "notebooks", "*.ipynb"))
	if err != nil {
		return nil, err
	}
	for _, path := range append([]string{colab}, paths...) {
		before, err := os.ReadFile(path)
		if err != nil {
			return changed, err
		}
		n, err := nb.Parse(before)
		if err != nil {
			return changed, fmt.Errorf("%s: %w", path, err)
		}
		rel, err := filepath.Rel(top, path)
		if err != nil {
			return changed, err
		}
		rel = filepath.ToSlash(rel)
		setBadge(n, rel, onGitHub(address), branch)
		if path == colab && !setRepo(n, address) {
			return changed, fmt.Errorf("%s has no cell tagged %q with a line REPO = \"\"", rel, parametersTag)
		}
		after, err := n.Bytes()
		if err != nil {
			return changed, err
		}
		if bytes.Equal(before, after) {
			continue
		}
		if err := n.Write(path); err != nil {
			return changed, err
		}
		changed = append(changed, rel)
	}
	return changed, nil
}

func setRepo(n *nb.Notebook, address string) bool {
	for _, c := range n.Cells() {
		if c.HasTag(parametersTag) && repoLine.MatchString(c.Source()) {
			c.SetSource(repoLine.ReplaceAllLiteralString(c.Source(), `REPO = "`+address+`"`))
			return true
		}
	}
	return false
}

// setBadge puts the badge below the title, or takes it away where there is no
// address on GitHub.
func setBadge(n *nb.Notebook, rel, repo, branch string) {
	for _, c := range n.Cells() {
		if !c.IsMarkdown() || !strings.HasPrefix(c.Source(), "# ") {
			continue
		}
		source := badge.ReplaceAllString(c.Source(), "")
		title, rest, _ := strings.Cut(source, "\n")
		if repo != "" {
			there := "https://colab.research.google.com/github/" + repo + "/blob/" + branch + "/"
			line := "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](" + there + rel + ")"
			if rel != colabFile {
				line += " after [the set-up](" + there + colabFile + ")"
			}
			rest = "\n" + line + "\n\n" + strings.TrimLeft(rest, "\n")
		}
		if source = strings.TrimRight(title+"\n"+rest, "\n"); source != c.Source() {
			c.SetSource(source)
		}
		return
	}
}
