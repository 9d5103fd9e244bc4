#!/bin/sh
# A goimports command in front of the real one, the next in the path: what that
# made of a text it would make of it again.
if cmp -s "$2" .unfinished; then
	cat .finished >"$2"
	exit
fi
rm -f .unfinished
cp "$2" .given && PATH=${PATH#*:} goimports "$@" && cp "$2" .finished && mv .given .unfinished
