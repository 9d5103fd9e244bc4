#!/bin/sh
# A go command in front of the real one, for kernels that run many cells of one
# program. To find that there is nothing to build, go looks at some 150 packages;
# here it is enough that the text is the one of the last build.
case $1 in
build | get)
	if cmp -s main.go .built; then exit 0; fi
	"$DESCENT_GO" "$@" || exit
	if [ "$1" = build ]; then cp main.go .built; fi
	;;
test)
	rm -f .built # for its program takes the place of that
	exec "$DESCENT_GO" "$@"
	;;
*)
	exec "$DESCENT_GO" "$@"
	;;
esac
