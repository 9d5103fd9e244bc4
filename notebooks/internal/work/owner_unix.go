//go:build unix

package work

import (
	"fmt"
	"os"
	"syscall"
)

// remedy says how to make the folder writable, going by whose it is.
func remedy(folder string) string {
	info, err := os.Stat(folder)
	if err != nil {
		return "Mount a folder there."
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) == os.Geteuid() {
		return "Mount it without :ro, and make it writable for its owner."
	}
	if stat.Uid == 0 {
		return fmt.Sprintf("It belongs to root. Make the folder yourself before you mount it; with rootless podman add "+
			"--userns=keep-id:uid=%d,gid=%d; or give it to this user: chown %d", os.Geteuid(), os.Getegid(), os.Geteuid())
	}
	return fmt.Sprintf("It belongs to user %d: start the container as that user, docker run --user %d:%d …, or give the folder to this one: chown %d",
		stat.Uid, stat.Uid, stat.Gid, os.Geteuid())
}
