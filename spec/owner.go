package spec

import (
	"strconv"
	"strings"
)

// Bits of a file's mode as of chmod(2). Files are mounted read-only, so that of the
// right to write nothing is left.
const (
	mayRead  = 0o4
	mayUse   = 0o5 // to read and to execute
	ownerBit = 6
	groupBit = 3
)

// Owner is whom a file has to belong to on the host so that the user of a container
// ("1000", "1000:100", "app", as of Docker's Config.User) may do with it what its mode
// says. It is root unless others may do less than the owner. ok is false if the user
// can't read it, whoever owns it: names are known to the image only.
func (f File) Owner(user string) (uid, gid int, ok bool) {
	owner, group, others := f.Mode>>ownerBit&mayUse, f.Mode>>groupBit&mayUse, f.Mode&mayUse
	if owner&^others == 0 && group&^others == 0 {
		return 0, 0, true
	}
	name, groupName, _ := strings.Cut(user, ":")
	uid, known := number(name)
	gid, inGroup := number(groupName)
	switch {
	case known && owner&mayRead != 0:
		return uid, gid, true
	case inGroup && group&mayRead != 0:
		return 0, gid, true
	}
	return 0, 0, others&mayRead != 0 || known && uid == 0
}

// number reads a user or group; the root user has a name that every image knows.
func number(name string) (int, bool) {
	if name == "" || name == "root" {
		return 0, name == "root"
	}
	n, err := strconv.ParseUint(name, 10, 31)
	return int(n), err == nil
}
