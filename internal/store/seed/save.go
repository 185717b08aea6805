package seed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/mailrig/mailrig/internal/store"
)

// Saved is what Save has written.
type Saved struct {
	Messages int
	LeftOut  []string // mailboxes whose names can't be names of directories that Load reads
}

// Save writes all mailboxes of a store into a directory, in the layout that Load reads. The directory must be empty; it is
// made if it is missing. A message's file has its UID as its name, so that Load puts them into the same order, and
// its INTERNALDATE as its time. Flags are not in this layout.
func Save(ctx context.Context, st store.Store, dir string) (s Saved, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return s, err
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
		return s, errors.Join(err, fmt.Errorf("%s isn't empty; give a directory that is empty or doesn't exist", dir))
	}
	accounts, err := st.ListAccounts(ctx)
	if err != nil {
		return s, err
	}
	for _, account := range accounts {
		infos, err := st.List(ctx, account)
		if err != nil {
			return s, err
		}
		for _, info := range infos {
			if !info.Exists {
				continue
			}
			path := account + delimiter + info.Name
			if strings.Contains(account, delimiter) || !safe(path) {
				s.LeftOut = append(s.LeftOut, path)
				continue
			}
			n, err := saveMailbox(ctx, st, account, info.Name, filepath.Join(dir, filepath.FromSlash(path)))
			s.Messages += n
			if err != nil {
				return s, fmt.Errorf("export %s: %w", path, err)
			}
		}
	}
	return s, nil
}

// safe reports whether every part of a path can be the name of a directory here, and of one that Load reads.
func safe(path string) bool {
	for part := range strings.SplitSeq(path, delimiter) {
		if part == "" || len(part) > 255 || strings.HasPrefix(part, ".") || !filepath.IsLocal(part) || strings.ContainsRune(part, filepath.Separator) {
			return false
		}
	}
	return true
}

func saveMailbox(ctx context.Context, st store.Store, account, name, dir string) (messages int, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	box, err := st.Mailbox(ctx, account, name)
	if err != nil {
		return 0, err
	}
	entries, err := st.Entries(ctx, box.ID, nil)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if err := saveMessage(ctx, e, filepath.Join(dir, fmt.Sprintf("%010d.eml", e.UID))); err != nil {
			return messages, err
		}
		messages++
	}
	return messages, nil
}

// saveMessage writes one message, in pieces.
func saveMessage(ctx context.Context, e store.Entry, file string) (err error) {
	r, err := e.Message.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Chtimes(file, e.Date, e.Date)
}
