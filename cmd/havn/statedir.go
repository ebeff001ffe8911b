package main

import (
	"fmt"
	"os"
)

// stateMode lets others pass through the state directory, as nginx's workers and who
// uses havn's socket have to, and lets nobody else look into it.
const stateMode = 0o711

// makeState makes the state directory, and takes rights from one that has more.
func makeState(dir string) error {
	err := os.MkdirAll(dir, stateMode)
	if err == nil {
		err = narrow(dir)
	}
	if err != nil {
		return fmt.Errorf("state directory: %w; run havn as root, or give another --state", err)
	}
	return nil
}

func narrow(dir string) error {
	i, err := os.Stat(dir)
	if err != nil || i.Mode().Perm()&^stateMode == 0 {
		return err
	}
	return os.Chmod(dir, i.Mode().Perm()&stateMode)
}
