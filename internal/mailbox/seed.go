package mailbox

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"
)

// Seed loads messages from a tree in GreenMail's layout,
// user@domain/FOLDER[/SUB...]/*.eml, and returns their number. A user's name without
// "@" gets the domain. Directories without messages make empty accounts and mailboxes.
// Any bytes are a valid message; it has no flags, and the file's time for a date. The
// order is that of the names, so that UIDs are the same every time.
//
// Files that are not *.eml, and names that begin with ".", are ignored. An *.eml where
// no mailbox can hold it is an error, since it would be missed. Errors name the file.
func (s *Store) Seed(dir fs.FS) (int, error) {
	n := 0
	err := fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("seed %s: %w", name, err)
		}
		if name == "." {
			return nil
		}
		if strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			_, err = s.seedMailbox(name)
		} else if strings.EqualFold(path.Ext(name), ".eml") {
			if err = s.seedFile(dir, name, d); err == nil {
				n++
			}
		}
		if err != nil {
			return fmt.Errorf("seed %s: %w", name, err)
		}
		return nil
	})
	return n, err
}

// seedMailbox returns the mailbox for a directory, made if need be; nil for an account's.
func (s *Store) seedMailbox(dir string) (*Mailbox, error) {
	user, folder, ok := strings.Cut(dir, delimiter)
	a := s.Account(user)
	if !ok {
		return nil, nil
	}
	if err := a.Create(folder, ""); err != nil && !errors.Is(err, ErrExists) {
		return nil, err
	}
	return a.Mailbox(folder)
}

func (s *Store) seedFile(dir fs.FS, name string, d fs.DirEntry) error {
	if strings.Count(name, delimiter) < 2 {
		return errors.New("no mailbox for it: move it to user@domain/FOLDER/, for example user@domain/INBOX/")
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	if info.Size() > s.maxBytes { // before it is read into memory; Append checks again
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooBig, info.Size(), s.maxBytes)
	}
	b, err := s.seedMailbox(path.Dir(name))
	if err != nil {
		return err
	}
	raw, err := fs.ReadFile(dir, name)
	if err != nil {
		return err
	}
	received := info.ModTime()
	if received.IsZero() { // embedded files have none
		received = s.now()
	}
	_, err = b.Append(NewMessage(raw, received, Envelope{}), nil, time.Time{})
	return err
}
