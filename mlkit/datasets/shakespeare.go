package datasets

import (
	"context"
	"os"
)

var shakespeare = File{
	Name: "tinyshakespeare.txt", Size: 1115394,
	URL:    "https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt",
	SHA256: "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
}

// Shakespeare is a part of his plays, 1,115,394 characters of 65 kinds, on
// which language models of characters are usually tried (Karpathy, char-rnn,
// 2015; public domain). The 1 MB is downloaded once.
func Shakespeare(ctx context.Context) (string, error) {
	path, err := shakespeare.Path(ctx)
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile(path)
	return string(b), err
}
