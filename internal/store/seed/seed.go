// Package seed loads a directory of messages into a store.
//
// The server calls Load at start-up, and after a reset, for the directory in --seed. Load uses only the interface of
// package store, so it works with every store. The layout is GreenMail's; a message is a file with any bytes in it, so
// that malformed mail can be loaded too.
package seed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/mailrig/mailrig/internal/store"
)

const delimiter = string(store.Delimiter)

// Load loads messages from a tree in GreenMail's layout, user@domain/FOLDER[/SUB...]/*.eml, and returns how many it
// loaded. A user name without "@" gets the store's domain. A directory without messages makes an empty account or
// mailbox. Any bytes are a valid message. Messages have no flags, and the file's time is their date. Files are loaded
// in the order of their names, so that UIDs are the same every time.
//
// Load ignores files that aren't *.eml, and names that begin with ".". An *.eml file outside a mailbox is an error,
// because the message would be missing. Errors name the file.
func Load(ctx context.Context, st store.Store, dir fs.FS) (int, error) {
	l := loader{ctx, st, dir}
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
			_, err = l.mailbox(name)
		} else if strings.EqualFold(path.Ext(name), ".eml") {
			if err = l.message(name, d); err == nil {
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

type loader struct {
	ctx   context.Context
	store store.Store
	dir   fs.FS
}

// mailbox returns the mailbox for a directory and makes it if necessary. An account's own directory has none.
func (l *loader) mailbox(dir string) (store.MailboxID, error) {
	user, folder, ok := strings.Cut(dir, delimiter)
	account, err := l.store.OpenAccount(l.ctx, user)
	if !ok || err != nil {
		return 0, err
	}
	if err := l.store.Create(l.ctx, account, folder, ""); err != nil && !errors.Is(err, store.ErrExists) {
		return 0, err
	}
	box, err := l.store.Mailbox(l.ctx, account, folder)
	return box.ID, err
}

func (l *loader) message(name string, d fs.DirEntry) error {
	if strings.Count(name, delimiter) < 2 {
		return errors.New("no mailbox for it: move it to user@domain/FOLDER/, for example user@domain/INBOX/")
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	box, err := l.mailbox(path.Dir(name))
	if err != nil {
		return err
	}
	// Embedded files have no time, so the store uses its own.
	in := store.Incoming{Content: file{l.dir, name, info.Size()}, Received: info.ModTime()}
	_, err = l.store.Append(l.ctx, box, []store.Incoming{in})
	return err
}

// file is a store.Blob, so that a store can refuse one that is too large before reading it.
type file struct {
	dir  fs.FS
	name string
	size int64
}

func (f file) Size() int64 { return f.size }

func (f file) Open(ctx context.Context) (store.Reader, error) {
	opened, err := f.dir.Open(f.name)
	if err != nil {
		return nil, err
	}
	if r, ok := opened.(store.Reader); ok {
		return r, nil
	}
	opened.Close() // a file system that can't read at an offset
	raw, err := fs.ReadFile(f.dir, f.name)
	if err != nil {
		return nil, err
	}
	return store.Bytes(raw).Open(ctx)
}
