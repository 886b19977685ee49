package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// checkReplaced tells why a file could not be written once there is what to write: it is made beside the old one and
// takes its place. Devices and pipes are not tried.
func checkReplaced(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a directory, name a file", path)
	case err == nil && !info.Mode().IsRegular():
		return nil
	}
	return checkDir(filepath.Dir(path))
}

// checkOverwritten tells why a file could not be written that is opened as it is, if it is there.
func checkOverwritten(path string) error {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return checkReplaced(path)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("%s can't be written: %w", path, cause(err))
	}
	return f.Close()
}

// checkFolder tells why no files could be made in a folder, which is made itself if it is not there.
func checkFolder(dir string) error {
	for {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			return fmt.Errorf("%s is no directory", dir)
		}
		if parent := filepath.Dir(dir); errors.Is(err, os.ErrNotExist) && parent != dir {
			dir = parent
			continue
		}
		return checkDir(dir)
	}
}

// checkDir makes a file in a directory and removes it: of a read-only file system, or of the rights of a user that is
// none of the owners, the directory's mode does not tell.
func checkDir(dir string) error {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("there is no directory %s", dir)
	}
	f, err := os.CreateTemp(dir, ".load-*")
	if err != nil {
		return fmt.Errorf("no file can be made in the directory %s: %w", dir, cause(err))
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// cause leaves out of an error the name of the file, which is a temporary one.
func cause(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err
	}
	return err
}
